"""Features kept in a run's folder, and taken from earlier runs with the same net and data."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cnndsl.data.dataset import Arrays, DataSet, Split
from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.runtime.arrays import read_npz
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import Array
from cnndsl.show.flat import flat
from cnndsl.surgery import cut
from cnndsl.training.folder import RunFolder, write_json
from cnndsl.training.layout import Float
from cnndsl.transfer.feature_files import write_features
from cnndsl.transfer.features import Features

ARRAYS, ABOUT = "features.npz", "features.json"


@dataclass(frozen=True, slots=True)
class Part:
    """A split's examples: vectors N×D, targets, and the numbers that they have in the split."""

    vectors: Float
    targets: npt.NDArray[np.int64]
    numbers: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scaling:
    """What vectors are brought to for training: mean 0, and variance 1 over all of their numbers.

    One deviation serves for all numbers of a vector: those that hardly ever change stay small.
    """

    mean: Float
    deviation: float

    def applied(self, vectors: Float) -> Float:
        """Vectors N×D less their mean, divided by the deviation."""
        return ((vectors - self.mean) / np.float32(self.deviation)).astype(np.float32)

    def unfolded(self, weight: Float, bias: Float) -> tuple[Float, Float]:
        """A dense layer on scaled vectors as one on vectors as they are."""
        made = weight.astype(np.float64) / self.deviation
        return made.astype(np.float32), (bias - made @ self.mean).astype(np.float32)

    def folded(self, weight: Float, bias: Float) -> tuple[Float, Float]:
        """The other way round."""
        made = weight.astype(np.float64)
        shifted = bias + made @ self.mean
        return (made * self.deviation).astype(np.float32), shifted.astype(np.float32)


def scaling(vectors: Float) -> Scaling:
    """That of the training examples."""
    mean = vectors.mean(axis=0, dtype=np.float64)
    deviation = float(np.sqrt(((vectors - mean) ** 2).mean()))
    return Scaling(mean.astype(np.float32), max(deviation, 1e-6))


def fingerprint(
    network: Network, vector: str, base: Mapping[str, Float], data: DataSet, picture: PictureInput
) -> str:
    """A digest of all that features depend on. SHA-256 in hex."""
    digest = sha256(flat(cut(network, vector)).encode())
    for name, values in sorted(base.items()):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(values).data)
    digest.update(data.fingerprint.encode())
    digest.update(picture.preprocessing.to_json().encode())
    return digest.hexdigest()


def keep(features: Features, about: str, seconds: float, folder: RunFolder) -> None:
    """Write features, which took so long, into a run's folder. Raises OSError."""
    write_features(features, folder.path / ARRAYS)
    content = {"version": 1, "fingerprint": about, "seconds": round(seconds, 3)}
    write_json(folder.features, content)


def find_kept(root: Path, about: str) -> Path | None:
    """The folder of an earlier run with the same features."""
    for path in sorted(root.glob(f"*/{ABOUT}"), reverse=True) if root.is_dir() else []:
        kept = RunFolder(path.parent).features_record().get("fingerprint")
        if kept == about and (path.parent / ARRAYS).is_file():
            return path.parent
    return None


def copy_kept(source: Path, folder: RunFolder) -> None:
    """Take an earlier run's features over. Raises OSError."""
    for name in (ARRAYS, ABOUT):
        shutil.copyfile(source / name, folder.path / name)


def read_kept(folder: Path, data: DataSet) -> dict[str, Part]:
    """The features in a run's folder, by split. Raises UsageError."""
    path = folder / ARRAYS
    arrays = read_npz(path)
    try:
        vectors, targets = arrays["features"], arrays["labels"]
        return _by_split(vectors, targets, arrays["names"], arrays["split"], data)
    except (ValueError, KeyError, IndexError) as e:
        raise UsageError(f"`{path}` is damaged, or of other data: {e}") from None


def parts_of(features: Features, data: DataSet) -> dict[str, Part]:
    """Features that were just made, by split. Raises UsageError."""
    (vectors,) = features.arrays.values()
    return _by_split(vectors, features.labels, features.names, features.split, data)


def _by_split(
    vectors: Array, targets: Array, names: Array, splits: Array, data: DataSet
) -> dict[str, Part]:
    parts: dict[str, Part] = {}
    for name, split in data.splits.items():
        places = np.flatnonzero(splits == name)
        numbers = {example: number for number, example in enumerate(split.names())}
        if len(places):
            found = np.array([numbers[example] for example in names[places].tolist()])
            parts[name] = Part(vectors[places].astype(np.float32), targets[places], found)
    if "train" not in parts:
        raise UsageError("none of the training pictures can be read")
    return parts


def as_data(data: DataSet, parts: Mapping[str, Part], how: Scaling) -> DataSet:
    """Scaled vectors as pictures of one pixel with D channels."""
    splits: dict[str, Split] = {}
    for name, part in parts.items():
        images = how.applied(part.vectors)[:, :, None, None]
        source = Arrays(images, f"{name} features")
        splits[name] = Split(name, source, np.arange(len(images)), part.targets)
    return DataSet(data.name, "features", None, data.labels, splits, mirror=False)
