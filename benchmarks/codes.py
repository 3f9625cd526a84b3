"""What a code is worth: a linear classifier on an autoencoder's code, on PCA and on the pixels.

    python -m benchmarks.codes [DATA] [--epochs 20] [--examples 5000]

DATA is the folder with Fashion-MNIST's four files, or its built-in name. The autoencoder learns the
training pictures without their classes; then scikit-learn's logistic regression learns the classes
from so many training pictures, as the autoencoder's code `z`, its means, as many principal
components, or pixels. Right answers are counted on the 10,000 test pictures.
"""

import argparse
from dataclasses import replace
from tempfile import TemporaryDirectory

import numpy as np
import numpy.typing as npt

import cnndsl
from cnndsl.data.opening import open_data

Float = npt.NDArray[np.float32]


def principal(train: Float, test: Float, count: int) -> tuple[Float, Float]:
    """Pixels as their first principal components, found on the training pictures."""
    mean = train.mean(axis=0)
    _, _, directions = np.linalg.svd(train - mean, full_matrices=False)
    axes = directions[:count].T
    return (train - mean) @ axes, (test - mean) @ axes


def accuracy(train: Float, test: Float, labels: npt.NDArray[np.int64], truth: object) -> float:
    """Right answers of a linear classifier, in percent, of columns with mean 0 and variance 1."""
    from sklearn.linear_model import LogisticRegression

    mean, deviation = train.mean(axis=0), train.std(axis=0) + 1e-6
    model = LogisticRegression(C=0.01, max_iter=1000)
    model.fit((train - mean) / deviation, labels)
    return 100 * float((model.predict((test - mean) / deviation) == truth).mean())


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="fashion-mnist")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--examples", type=int, default=5000)
    given = parser.parse_args()

    whole = open_data(given.data)
    few = whole.splits["train"].part(np.arange(given.examples))
    data = replace(whole, splits={"train": few, "test": whole.splits["test"]})
    with TemporaryDirectory() as folder:
        train, test = data.splits["train"], data.splits["test"]
        arrays = (train.source.images[train.index], train.targets)  # pyright: ignore
        run = cnndsl.train(
            "autoencoder", arrays, epochs=given.epochs, augment="none", runs=folder, quiet=True
        )
        rows = {
            "code, all values": cnndsl.features(run.folder, data, "z", pool="none"),
            "code, a mean for each map": cnndsl.features(run.folder, data, "z"),
        }
        pixels = [s.source.images[s.index].reshape(len(s), -1) / 255 for s in (train, test)]  # pyright: ignore
    print("| features | numbers a picture | top-1 |\n|---|---:|---:|")
    for name, found in rows.items():
        values = found.arrays["z"]
        parts = values[found.of("train")], values[found.of("test")]
        right = accuracy(*parts, train.targets, test.targets)
        print(f"| {name} | {values.shape[1]} | {right:.1f} % |")
        if name == "code, all values":
            parts = principal(*pixels, values.shape[1])
            right = accuracy(*parts, train.targets, test.targets)
            print(f"| principal components | {values.shape[1]} | {right:.1f} % |")
    right = accuracy(*pixels, train.targets, test.targets)
    print(f"| pixels | {pixels[0].shape[1]} | {right:.1f} % |")


if __name__ == "__main__":
    main()
