"""Opening a data set: its kind is found out, its splits and classes are read and completed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from cnndsl.data import (
    builtin,
    cifar,
    clips,
    csvfile,
    csvnumbers,
    folders,
    idx,
    maskfolders,
    npz,
    picturefolders,
)
from cnndsl.data.arrays import Volume
from cnndsl.data.dataset import Arrays, DataSet, Split
from cnndsl.data.places import data_folders
from cnndsl.data.readable import heic_remark
from cnndsl.data.splitting import completed
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.downloads import Progress
from cnndsl.files import described
from cnndsl.runtime.labels import composed, read_labels

_LABEL_FILES = ("labels.txt", "labels.json", "classes.txt", "classes.json")
_DEEPEST = 3  # folders that hold nothing but a folder
_COLOURS = 3


@dataclass(frozen=True, slots=True)
class _Opened:
    """A data set as it was found."""

    kind: str
    where: Path | None
    splits: dict[str, Split]
    labels: tuple[str, ...] = ()
    mirror: bool = True
    ignored: int = 0
    notes: tuple[str, ...] = field(default=())
    unlabelled: str = ""
    pixels: tuple[str, ...] = ()


def open_data(
    where: str | Path,
    *,
    seed: int = 0,
    validation: float | None = None,
    test: float | None = None,
    data_dir: Path | None = None,
    download: bool = True,
    progress: Progress | None = None,
    unlabelled: bool = False,
    ignore: int | None = None,
    numbers: bool | None = False,
    volume: Volume | None = None,
) -> DataSet:
    """The data set that a path or a built-in name means.

    A folder of class folders, with or without any of train, val and test above them; a CSV file
    `path,label[,split]`; an .npz; idx files such as MNIST's, by their folder or by one of them;
    CIFAR-10's binary files; `digits`, `mnist`, `fashion-mnist` and `cifar10`, which are looked for
    in `data_dir`, $CNNDSL_DATA and the user's cache, and else downloaded, where `download` allows
    it, with `progress` called on the way. Where `unlabelled` allows it, pictures alone, too: a
    folder of them, with or without train, val and test, an .npy, an .npz without labels. `ignore`
    is the value in masks that is no class, by default 255 where others are numbered. Where
    `numbers` are wanted, a CSV's columns of numbers are no classes, and two folders of pictures
    with equal names, or two arrays of pictures, are pictures and what they are to be answered
    with; None asks for these where names or values say so. Where `volume`s are wanted, of these
    channels, layers, height and width, arrays N×D×H×W are volumes and not pictures, and each folder
    of frames below a class folder is a clip.

    Where there is no validation split, a fifth of the training examples becomes one, at most 5,000,
    or the part that `validation` says; `test` likewise, but nothing by default. They are chosen
    class by class by `seed`. Raises UsageError.
    """
    name = str(where)
    if name in builtin.BUILTINS:
        found = _builtin(name, data_dir, download, progress)
    else:
        found = _at(Path(where).expanduser(), ignore, numbers, volume)
        name = _name(found.where)
    if found.unlabelled and not unlabelled:
        raise UsageError(found.unlabelled)
    labels = _labels(found)
    splits, made = completed(found.splits, seed, validation, test)
    if len({split.paired for split in splits.values()}) > 1:
        raise UsageError(f"{name} has pictures to answer with in some of its splits alone")
    sources = [split.source for split in splits.values()]
    if len({source.images.shape[1:] for source in sources if isinstance(source, Arrays)}) > 1:
        raise UsageError(f"{name} has pictures of different sizes in its splits")
    return DataSet(
        name,
        found.kind,
        found.where,
        labels,
        splits,
        found.mirror,
        made,
        found.ignored,
        (*found.notes, *heic_remark(list(splits.values()))),
        found.unlabelled,
        found.pixels,
    )


def is_there(where: str) -> bool:
    """Tell whether a path to data, or a built-in name, means something that may be opened."""
    return where in builtin.BUILTINS or Path(where).expanduser().exists()


def _name(where: Path | None) -> str:
    if where is None:
        return ""
    return where.resolve().stem if where.is_file() else where.resolve().name


def _at(path: Path, ignore: int | None, numbers: bool | None, volume: Volume | None) -> _Opened:
    """What lies at a path."""
    if path.is_dir():
        try:
            return _folder(path, ignore=ignore, numbers=numbers, volume=volume)
        except OSError as e:
            raise UsageError(f"`{e.filename}` can't be read: {e.strerror or e}") from None
    if not path.exists():
        names = ", ".join(builtin.BUILTINS)
        hint = did_you_mean(str(path), builtin.BUILTINS, f"built-in data sets are {names}")
        raise UsageError(f"there is no file or folder `{path}`; {hint}")
    if not path.is_file():
        raise UsageError(f"`{path}` is no ordinary file")
    suffix = path.suffix.lower()
    if suffix in (".npz", ".npy"):
        return _npz(path, ignore, numbers, volume)
    if suffix in (".csv", ".tsv"):
        return _csv(path, numbers)
    pairs = idx.idx_files(path.parent)
    if any(path in pair.values() for pair in pairs.values()):
        return _idx(path.parent)
    if suffix in (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar"):
        raise UsageError(f"`{path}` is an archive: unpack it first, and name its folder")
    raise UsageError(
        f"`{path}` is no data set: that is a folder of class folders, a .csv, an .npz or idx files"
    )


def _folder(
    path: Path,
    depth: int = 0,
    ignore: int | None = None,
    numbers: bool | None = False,
    volume: Volume | None = None,
) -> _Opened:
    """What a folder holds."""
    if idx.idx_files(path):
        return _idx(path)
    if cifar.is_cifar_folder(path):
        return _Opened("CIFAR-10's binary files", path, cifar.read_cifar_folder(path))
    lists = [p for p in sorted(path.glob("*.csv")) if csvfile.lists_pictures(p)]
    archives = sorted(path.glob("*.npz"))
    for files in (lists, archives):
        if len(files) > 1:
            names = ", ".join(f"`{file.name}`" for file in files[:5])
            raise UsageError(f"`{path}` holds several data sets ({names}): name one of them")
    if lists:
        return _csv(lists[0], numbers)
    if archives:
        return _npz(archives[0], ignore, numbers, volume)
    if masked := maskfolders.read_mask_folders(path, ignore):
        return _Opened(
            "pictures with masks", path, masked.splits, notes=masked.notes, pixels=masked.labels
        )
    paired = None
    if numbers is not False:
        paired = picturefolders.read_picture_folders(path, wanted=bool(numbers))
    if paired:
        kind = f"folders {paired.called}"
        return _Opened(kind, path, paired.splits, notes=paired.notes)
    inside = folders.subfolders(path)
    if len(inside) == 1 and depth < _DEEPEST and folders.is_wrapping(inside[0]):
        return _folder(inside[0], depth + 1, ignore, numbers, volume)
    found = folders.read_class_folders(path)
    if volume and found.labels:
        splits, notes = clips.read_clips(found.splits, found.labels, volume)
        return _Opened(
            "clips in class folders",
            path,
            splits,
            found.labels,
            ignored=found.ignored,
            notes=(*found.notes, *notes),
        )
    return _Opened(
        "pictures" if found.unlabelled else "class folders",
        path,
        found.splits,
        found.labels,
        ignored=found.ignored,
        notes=found.notes,
        unlabelled=found.unlabelled,
    )


def _idx(folder: Path) -> _Opened:
    splits = idx.read_idx_folder(idx.idx_files(folder))
    known = builtin.known(splits["train"].targets) if "train" in splits else None
    labels = known.labels if known else _labels_beside(folder)
    # Small grey pictures of unknown kind may be letters
    return _Opened("idx files", folder, splits, labels, mirror=known.mirror if known else False)


def _npz(path: Path, ignore: int | None, numbers: bool | None, volume: Volume | None) -> _Opened:
    if path.suffix.lower() == ".npy":
        found = npz.read_npy(path, volume)
    else:
        found = npz.read_npz(path, ignore, numbers, volume)
    source = next(iter(found.splits.values())).source
    colour = isinstance(source, Arrays) and source.images.shape[1] == _COLOURS * max(
        1, source.depth
    )
    kind = path.suffix.lower()[1:]
    if found.unlabelled:
        return _Opened(kind, path, found.splits, mirror=colour, unlabelled=found.unlabelled)
    if found.pixels:
        return _Opened(kind, path, found.splits, mirror=True, pixels=found.pixels)
    labels = found.labels or _labels_beside(path.parent)
    return _Opened(kind, path, found.splits, labels, mirror=colour)


def _csv(path: Path, numbers: bool | None) -> _Opened:
    found = csvnumbers.read_numbers(path) if numbers else csvfile.read_csv(path)
    return _Opened("CSV", path, found.splits, found.labels, notes=found.notes)


def _builtin(
    name: str, data_dir: Path | None, download: bool, progress: Progress | None
) -> _Opened:
    """A built-in data set, from the first folder that has it, or from its address."""
    data = builtin.BUILTINS[name]
    if name == "digits":
        return _Opened("built in", None, builtin.read_digits(), data.labels, data.mirror)
    places = [folder / name for folder in data_folders(data_dir)]
    for place in places:
        if place.is_dir() and any(place.iterdir()) and not builtin.incomplete(name, place):
            found = _folder(place)
            fits = _classes(found.splits) <= len(data.labels)
            labels = data.labels if fits else found.labels
            return replace(found, labels=labels, mirror=data.mirror)
    try:
        if not download:
            raise UsageError("downloads are not allowed")
        builtin.download(name, places[0], progress)
    except (UsageError, OSError) as e:
        reason = e if isinstance(e, UsageError) else described(e)
        files = ", ".join(file.name for file in data.downloads)
        raise UsageError(
            f"`{name}` is not at hand: {reason}; put {files} into `{places[0]}`, or say by "
            f"--data-dir or CNNDSL_DATA where the folder `{name}` is"
        ) from None
    return replace(_folder(places[0]), labels=data.labels, mirror=data.mirror)


def _classes(splits: dict[str, Split]) -> int:
    """How many classes the numbers in the splits speak of; 0 where they are no classes."""
    targets = [split.targets for split in splits.values()]
    if any(t.ndim != 1 or t.dtype != np.int64 for t in targets):
        return 0
    return max((int(t.max()) + 1 for t in targets if len(t)), default=0)


def _labels(found: _Opened) -> tuple[str, ...]:
    """The classes' names; their numbers where there are none. Raises UsageError."""
    kinds = {split.targets.dtype == np.int64 for split in found.splits.values()}
    if len(kinds) > 1:
        raise UsageError("some splits have classes, and others numbers to answer with")
    count = _classes(found.splits)
    if not count:
        return ()
    if not found.labels:
        return tuple(map(str, range(count)))
    if len(found.labels) < count:
        raise UsageError(f"there are {count} classes, but names for {len(found.labels)} of them")
    return tuple(map(composed, found.labels))


def _labels_beside(folder: Path) -> tuple[str, ...]:
    """The classes' names from a file beside the data."""
    for name in _LABEL_FILES:
        if (folder / name).is_file():
            return read_labels(folder / name)
    return ()
