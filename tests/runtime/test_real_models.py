"""Real pretrained nets, from other tools and of old opsets, on real photos."""

from pathlib import Path

import numpy as np
import pytest

from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import open_model, run
from cnndsl.runtime.labels import read_labels
from tests.support.data import real_data

pytestmark = pytest.mark.data

CAFFE = Preprocessing(scale=1, mean=(104, 117, 123), order="BGR", resize=256)
TENSORFLOW = Preprocessing(scale=127.5, mean=(1,), resize=256)


def correct(name: str, how: Preprocessing, first: int = 0) -> tuple[int, int]:
    """How many of the 100 photos have their class first, and among the first five."""
    photos = real_data("photos", "imagenet")
    results = run(real_data("weights", name), photos, preprocessing=how, threads=2)
    scores = next(iter(results.values())).reshape(len(results.sources), -1)
    labels = read_labels(real_data("photos", "imagenet_class_index.json"))
    names = [Path(source).stem.split("_", 1)[1] for source in results.sources]
    ranks = np.argsort(-scores.astype(np.float64), axis=1) - first
    # Two classes share the name `crane`, two `maillot`: compare names, not numbers.
    found = [[labels[n] == name for n in row[:5]] for row, name in zip(ranks, names, strict=True)]
    return sum(row[0] for row in found), sum(map(any, found))


def test_mobilenet_of_tensorflow() -> None:
    assert correct("mobilenet_v2_1.0_224.onnx", TENSORFLOW, first=1) == (86, 100)


@pytest.mark.parametrize(
    ("name", "top1", "top5"),
    [("squeezenet1_1_fp16.onnx", 62, 88), ("squeezenet1_0.onnx", 58, 82)],
)
def test_squeezenets_of_caffe(name: str, top1: int, top5: int) -> None:
    # Published with other rounding: a crop that lies one pixel elsewhere turns up to three photos.
    found = correct(name, CAFFE)
    assert abs(found[0] - top1) <= 3 and abs(found[1] - top5) <= 3, found


def test_a_net_says_by_windows_metadata_what_it_takes() -> None:
    opened = open_model(real_data("weights", "cntk_mnist.onnx"), threads=1)
    assert opened.preprocessing == Preprocessing(scale=1)


def test_digits_as_arrays() -> None:
    import gzip

    def images(path: Path, head: int) -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
        return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=head)

    folder = real_data("mnist")
    digits = images(next(folder.glob("t10k-images*")), 16).reshape(-1, 1, 28, 28)[:2000]
    classes = images(next(folder.glob("t10k-labels*")), 8)[:2000]
    results = run(real_data("weights", "cntk_mnist.onnx"), digits, threads=2)
    found = next(iter(results.values())).argmax(axis=1)
    assert np.mean(found == classes) > 0.975


@pytest.mark.slow
def test_a_style_net_paints() -> None:
    photo = real_data("photos", "cat.jpg")
    style = real_data("weights", "style_candy.onnx")
    painted = run(style, photo, preprocessing=Preprocessing(scale=1), threads=2)["outputImage"]
    assert painted.shape == (1, 3, 720, 720)
    assert -100 < painted.min() < 50 and 200 < painted.max() < 400
