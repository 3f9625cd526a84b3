"""Files that a list names: by their paths, or as people write them elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from cnndsl.data.dataset import split_word
from cnndsl.diagnostics import UsageError
from cnndsl.runtime.labels import composed
from cnndsl.runtime.searching import PICTURE_SUFFIXES, pictures_below

_SAMPLE = 200  # paths that tell how many folders at their beginning are another machine's


@dataclass
class Places:
    """Finds the files that a list beside them names.

    A name is a path from the list's folder. Where there is no such file, it may lack its suffix,
    lie in a folder such as `train/` or `images/`, be spelled in other cases or another form of
    Unicode, or begin with folders of another machine, which all paths have in common.
    """

    list_path: Path
    names: Sequence[str]
    notes: list[str] = field(default_factory=list[str])

    def find(self) -> list[Path | None]:
        """The file of each name, None where there is none. Raises UsageError."""
        plain = [_slashes(name) for name in self.names]
        found = [self._direct(name) for name in plain]
        missing = [number for number, path in enumerate(found) if path is None]
        alone = len(missing) == len(plain)  # else those that are there tell where all should be
        cut = self._foreign(plain) if alone else 0
        for number in missing:
            path = self._elsewhere(plain[number][cut:])
            if path and (alone or self._depth(path) == len(_parts(plain[number]))):
                found[number] = path
        if cut and any(found[number] for number in missing):
            start = plain[missing[0]][:cut]
            self.notes.append(f"paths in `{self.list_path.name}` are seen without `{start}`")
        return found

    @property
    def folder(self) -> Path:
        """Where the list lies."""
        return self.list_path.parent

    def _direct(self, name: str) -> Path | None:
        path = self.folder / name
        try:
            return path if path.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def _depth(self, path: Path) -> int:
        return len(path.relative_to(self.folder).parts)

    def _foreign(self, names: Sequence[str]) -> int:
        """How many characters at the beginning of all names are folders of another machine."""
        if not names or not self._by_end:
            return 0
        folders = [_parts(name)[:-1] for name in names]
        shared = 0
        for parts in zip(*folders, strict=False):
            if len(set(parts)) > 1:
                break
            shared += 1
        sample = names[:: max(1, len(names) // _SAMPLE)]
        lengths = [len("/".join(_parts(names[0])[:count])) + 1 for count in range(1, shared + 1)]
        for cut in (0, *lengths):
            if any(self._elsewhere(name[cut:]) for name in sample):
                return cut
        return 0

    def _elsewhere(self, name: str) -> Path | None:
        """The only picture whose path ends like that, maybe without its suffix."""
        found = self._by_end.get(_key(name), [])
        if len(found) > 1:
            split = split_word(self.list_path.stem)
            mine = [path for path in found if split and split in map(split_word, path.parts)]
            if len(mine) != 1:
                some = " or ".join(f"`{p.relative_to(self.folder).as_posix()}`" for p in found[:2])
                raise UsageError(
                    f"`{name}` in `{self.list_path}` may be {some}: write paths from the "
                    f"list's folder"
                )
            found = mine
        return found[0] if found else None

    @cached_property
    def _by_end(self) -> dict[str, list[Path]]:
        """Pictures below the list's folder by every end of their paths, with and without suffix."""
        ends: dict[str, list[Path]] = {}
        for path in pictures_below(self.folder).paths:
            parts = path.relative_to(self.folder).parts
            for start in range(len(parts)):
                end = "/".join(parts[start:])
                ends.setdefault(_key(end), []).append(path)
                if path.suffix.lower() in PICTURE_SUFFIXES:
                    ends.setdefault(_key(end[: -len(path.suffix)]), []).append(path)
        return ends


def listed(paths: Iterable[str], most: int = 3) -> str:
    """The first of some paths, and how many more there are."""
    named = list(paths)
    more = f" and {len(named) - most:,} more" if len(named) > most else ""
    return ", ".join(f"`{path}`" for path in named[:most]) + more


def _slashes(name: str) -> str:
    """A path as Windows writes it, with /."""
    return name.replace("\\", "/").removeprefix("./")


def _parts(name: str) -> list[str]:
    return name.split("/")


def _key(name: str) -> str:
    return composed(name).casefold()
