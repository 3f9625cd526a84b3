"""Data sets that go by their names: one comes with scikit-learn, the others are downloaded."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from cnndsl.data import cifar
from cnndsl.data.dataset import Arrays, Split
from cnndsl.data.places import unpack_members
from cnndsl.diagnostics import UsageError
from cnndsl.downloads import Download, Progress, fetch

_DIGITS = tuple(map(str, range(10)))
_CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
_THINGS = (
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
)  # fmt: skip

_FASHION = ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",)
# The data set's own page no longer hands the files out; these have them bit for bit.
_MNIST = (
    "https://ossci-datasets.s3.amazonaws.com/mnist",
    "https://storage.googleapis.com/cvdf-datasets/mnist",
)


@dataclass(frozen=True, slots=True)
class Builtin:
    """A data set's classes, whether its pictures may be mirrored, and the files it consists of.

    `labels_sha256` is that of the training labels, by which the data set is known under any name.
    """

    labels: tuple[str, ...]
    mirror: bool
    describes: str
    downloads: tuple[Download, ...] = ()
    labels_sha256: str = ""

    @property
    def bytes(self) -> int:
        """How much is downloaded."""
        return sum(download.bytes for download in self.downloads)


def _idx(addresses: tuple[str, ...], files: Mapping[str, tuple[int, str]]) -> tuple[Download, ...]:
    return tuple(
        Download(f"{name}-ubyte.gz", tuple(f"{a}/{name}-ubyte.gz" for a in addresses), size, digest)
        for name, (size, digest) in files.items()
    )


BUILTINS = {
    "digits": Builtin(
        _DIGITS, mirror=False, describes="1,797 handwritten digits, 8x8 grey, of scikit-learn"
    ),
    "mnist": Builtin(
        _DIGITS,
        mirror=False,
        describes="70,000 handwritten digits, 28x28 grey",
        downloads=_idx(
            _MNIST,
            {
                "train-images-idx3": (
                    9_912_422,
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                ),
                "train-labels-idx1": (
                    28_881,
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                ),
                "t10k-images-idx3": (
                    1_648_877,
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                ),
                "t10k-labels-idx1": (
                    4_542,
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                ),
            },
        ),
        labels_sha256="1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13",
    ),
    "fashion-mnist": Builtin(
        _CLOTHES,
        mirror=True,
        describes="70,000 pieces of clothing, 28x28 grey",
        downloads=_idx(
            _FASHION,
            {
                "train-images-idx3": (
                    26_421_880,
                    "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
                ),
                "train-labels-idx1": (
                    29_515,
                    "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
                ),
                "t10k-images-idx3": (
                    4_422_102,
                    "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
                ),
                "t10k-labels-idx1": (
                    5_148,
                    "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
                ),
            },
        ),
        labels_sha256="657fbd221bfc9f4198cc14b5619cc33ec57c58dd0e47af4d99d6650759e869a7",
    ),
    "cifar10": Builtin(
        _THINGS,
        mirror=True,
        describes="60,000 photos of animals and vehicles, 32x32 colour",
        downloads=(
            Download(
                "cifar-10-binary.tar.gz",
                ("https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",),
                170_052_171,
                "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
            ),
        ),
    ),
}
"""By name."""


def known(targets: Any) -> Builtin | None:
    """The built-in data set that these training labels belong to."""
    if len(targets) < 10_000 or targets.ndim != 1 or targets.dtype.kind != "i":
        return None
    digest = hashlib.sha256(targets.astype(np.uint8).data).hexdigest()
    return next((b for b in BUILTINS.values() if b.labels_sha256 == digest), None)


def read_digits() -> dict[str, Split]:
    """Read the digits that come with scikit-learn, as training examples: N×1×8×8, 0 to 255.

    Their file is read as it lies in the package, since importing that takes longer than a short
    training. A line holds a picture's 64 shades, of 17, and its class. Raises UsageError where
    there is no such file.
    """
    package = find_spec("sklearn")
    places = package.submodule_search_locations if package else None
    files = [Path(place, "datasets", "data", "digits.csv.gz") for place in places or ()]
    try:
        lines = np.loadtxt(files[0], np.uint8, delimiter=",", ndmin=2)
        shades, classes = lines[:, :64].reshape(-1, 1, 8, 8), lines[:, 64:].reshape(-1)
    except IndexError:
        raise UsageError(
            "the data set `digits` is that of scikit-learn, which is not installed: "
            "`pip install scikit-learn`"
        ) from None
    except (OSError, EOFError, zlib.error, ValueError):
        raise UsageError(
            f"the data set `digits` can't be read from scikit-learn's `{files[0]}`: "
            "`pip install --force-reinstall scikit-learn`"
        ) from None
    images = np.rint(shades * (255 / 16)).astype(np.uint8)
    targets = classes.astype(np.int64)
    return {"train": Split("train", Arrays(images, "digits"), np.arange(len(images)), targets)}


def incomplete(name: str, folder: Path) -> bool:
    """Whether some of a built-in data set's own files lie there, but not all; or packed ones."""
    packed = [(folder / file.name).is_file() for file in BUILTINS[name].downloads]
    if name != "cifar10":
        return any(packed) and not all(packed)
    there = [(folder / file).is_file() for file in cifar.FILES]
    return (any(there) or any(packed)) and not all(there)


def download(name: str, folder: Path, progress: Progress | None = None) -> None:
    """Fetch those of a built-in data set's files that a folder lacks. Raises UsageError."""
    for file in BUILTINS[name].downloads:
        was_there = (folder / file.name).is_file()
        path = fetch(file, folder, progress)
        if name == "cifar10":
            members = [f"cifar-10-batches-bin/{member}" for member in cifar.FILES]
            unpack_members(path, dict.fromkeys(members, 10_000 * cifar.RECORD), folder)
            if not was_there:
                path.unlink()
