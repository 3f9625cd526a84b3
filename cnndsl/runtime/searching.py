"""Pictures in folders, as people have them: among videos, notes, links and what systems leave."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cnndsl.diagnostics import UsageError

PICTURE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".apng", ".webp", ".bmp", ".dib", ".gif"}
    | {".tif", ".tiff", ".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".j2k"}
    | {".avif", ".heic", ".heif", ".hif"}
)
SYSTEM_NAMES = frozenset({"__MACOSX", "__pycache__", "@eaDir", "Thumbs.db", "desktop.ini"})
"""Files and folders that systems leave, and nobody means."""

MOST_FOLDERS = 100_000
"""Below one folder; links may lead anywhere."""

_SUFFIX = re.compile(r"\.[a-z]\w{0,4}", re.ASCII)
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8|RIFF....WEBP|BM|II\*\0|MM\0\*|"
    rb"....ftyp(hei[cxms]|hev[cmsx]|mif1|msf1|avi[fs])",
    re.DOTALL,
)
_MOST_KINDS = 4  # of other files that one line tells apart

Key = tuple[int, int]


@dataclass(slots=True)
class Pictures:
    """Pictures below a folder, in alphabetical order, the files of a folder before those of its
    folders; how many other files there are, by their suffixes; and folders that can't be read, with
    the reason. Hidden files don't count.
    """

    paths: list[Path] = field(default_factory=list[Path])
    others: Counter[str] = field(default_factory=Counter[str])
    closed: dict[str, str] = field(default_factory=dict[str, str])


def pictures_below(folder: Path) -> Pictures:
    """Search a folder at any depth.

    Hidden files and folders are left out, and so is what systems leave (`__MACOSX`). Links to
    folders are followed, but not back to where they are, and no file counts twice. Raises
    UsageError where there are too many folders.
    """
    found = Pictures()

    def closed(error: OSError) -> None:
        found.closed[str(error.filename)] = error.strerror or str(error)

    seen = {_key(parent.stat()) for parent in (folder, *folder.resolve().parents)}
    for count, (root, folders, files) in enumerate(_walk(folder, seen, closed), 1):
        if count + len(folders) > MOST_FOLDERS:
            raise UsageError(f"`{folder}` has more than {MOST_FOLDERS:,} folders below it")
        for name in files:
            path = Path(root, name)
            if not is_picture(path):
                found.others[path.suffix.lower()] += 1
            elif _is_new(path, seen):
                found.paths.append(path)
    return found


def holds_pictures(folder: Path) -> bool:
    """Tell whether there is a picture at any depth."""
    seen = {_key(folder.stat())}
    return any(
        is_picture(Path(root, name))
        for root, _, files in _walk(folder, seen, lambda error: None)
        for name in files
    )


def leads_back(path: Path) -> bool:
    """Tell whether a path is a link to a folder that it lies in."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())


def is_hidden(name: str) -> bool:
    """Whether a file or folder of that name is left out: `.DS_Store`, `._a.jpg`, `__MACOSX`."""
    return name.startswith(".") or name in SYSTEM_NAMES


def is_picture(path: Path) -> bool:
    """Whether a file is called like a picture or, where its name has no suffix, begins like one."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES:
        return True
    if _SUFFIX.fullmatch(suffix):
        return False
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        with path.open("rb") as file:
            return bool(_MAGIC.match(file.read(16)))
    except OSError:
        return False


def described(others: Mapping[str, int]) -> str:
    """Files by their suffixes: `10 .mov, 2 .txt`."""
    kinds = sorted(others.items(), key=lambda kind: (-kind[1], kind[0]))
    shown = [f"{count:,} {suffix or 'without suffix'}" for suffix, count in kinds[:_MOST_KINDS]]
    rest = sum(count for _, count in kinds[_MOST_KINDS:])
    return ", ".join([*shown, f"{rest:,} of other kinds"] if rest else shown)


def _walk(
    folder: Path, seen: set[Key], closed: Callable[[OSError], None]
) -> Iterator[tuple[str, list[str], list[str]]]:
    for root, folders, files in os.walk(folder, onerror=closed, followlinks=True):
        shown = sorted(name for name in folders if not is_hidden(name))
        folders[:] = [name for name in shown if _is_new(Path(root, name), seen)]
        yield root, folders, sorted(name for name in files if not is_hidden(name))


def _is_new(path: Path, seen: set[Key]) -> bool:
    """Whether a file or folder is there, and hasn't been met before by another name."""
    try:
        found = path.stat()
    except OSError:  # a link to nowhere
        return False
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return False  # a pipe or a device
    key = _key(found)
    if key in seen:
        return False
    if found.st_ino:  # 0 where the file system has no such numbers
        seen.add(key)
    return True


def _key(found: os.stat_result) -> Key:
    return found.st_dev, found.st_ino
