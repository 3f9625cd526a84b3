"""A case of fuzzing: a folder of files, made by a seed, and what is done with it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: bytes


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder without anything in it."""


@dataclass(frozen=True, slots=True)
class Pipe:
    """A named pipe, from which nothing ever comes."""


Entry = bytes | Link | Folder | Pipe


@dataclass(frozen=True, slots=True)
class Case:
    """Files by their paths, and the arguments of what is done with them. Paths are bytes, since
    names that are no text are tried too.

    `origin` are sound files that some of them were made from: a smaller example has fewer
    differences from these.
    """

    files: Mapping[bytes, Entry]
    arguments: tuple[str, ...] = ()
    origin: Mapping[bytes, Entry] = field(default_factory=dict[bytes, Entry])


class Kind(ABC):
    """A kind of input: how cases are drawn, and what is done with one."""

    name: str
    in_files = True
    """Whether a case's files are written to a folder, which is the current one then."""
    per_worker = 1000
    """Cases after which a process is replaced, so that none grows for ever."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:  # noqa: B027
        """Make what all cases start from in `folder`, once, before any worker starts."""

    @abstractmethod
    def draw(self, random: Random) -> Case:
        """A case that follows from the random numbers alone."""

    @abstractmethod
    def attempt(self, case: Case) -> str:
        """Do what a user would with the case's files; how it ended, in a word or two. What it
        raises is a finding.
        """


def write(files: Mapping[bytes, Entry], folder: Path) -> None:
    """Put the files of a case into an empty folder; what the file system refuses is left out."""
    root = os.fsencode(folder)
    for path, entry in files.items():
        full = os.path.join(root, path)
        try:
            os.makedirs(os.path.dirname(full), exist_ok=True)
            match entry:
                case Link():
                    os.symlink(entry.target, full)
                case Folder():
                    os.makedirs(full, exist_ok=True)
                case Pipe():
                    os.mkfifo(full)
                case _:
                    with open(full, "wb") as file:
                        file.write(entry)
        except (OSError, ValueError):
            continue
