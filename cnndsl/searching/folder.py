"""A search's folder: its runs, and what is known about all of them.

runs/fashion_cnn-search-001/
  search.toml  base.toml             what is tried; the configuration that --config named
  study.journal                      Optuna's journal: every trial and what came of it
  leaderboard.csv  leaderboard.txt  best.txt
  trial-001/  trial-002/  …          runs like any other; trial-001-repeat-1/ has the next seed
  locks/                             who is at work; nothing that has to be kept
"""

from __future__ import annotations

import re
from pathlib import Path

from cnndsl.diagnostics import UsageError

MOST_SEARCHES = 100_000


class SearchFolder:
    """The paths of a search's files."""

    def __init__(self, path: Path):
        self.path = path
        self.search = path / "search.toml"
        self.base = path / "base.toml"
        self.journal = path / "study.journal"
        self.leaderboard = path / "leaderboard.csv"
        self.text = path / "leaderboard.txt"
        self.best = path / "best.txt"
        self.page = path / "search.html"
        self.locks = path / "locks"

    @classmethod
    def create(cls, root: Path, name: str) -> SearchFolder:
        """A new folder `NAME-search-001`, or the next number that is free. Raises OSError."""
        stem = re.sub(r"[^\w.-]+", "-", name).strip("-.") or "net"
        root.mkdir(parents=True, exist_ok=True)
        for number in range(1, MOST_SEARCHES):
            folder = cls(root / f"{stem}-search-{number:03d}")
            try:
                folder.path.mkdir()
            except FileExistsError:
                continue
            folder.locks.mkdir()
            return folder
        raise UsageError(f"`{root}` holds too many searches called {stem}")

    @classmethod
    def open(cls, path: Path) -> SearchFolder:
        """The folder of a search. Raises UsageError where it is none."""
        folder = cls(path)
        if not folder.search.is_file():
            raise UsageError(f"`{path}` is no folder that `cnndsl search` made")
        for file in vars(folder).values():
            if file.exists() and not (file.is_file() or file.is_dir()):
                raise UsageError(f"`{file}` is no ordinary file, as `cnndsl search` writes it")
        folder.locks.mkdir(exist_ok=True)
        return folder

    def trial(self, number: int, repeat: int = 0) -> Path:
        """The folder of a trial's run, or of its repeats with other seeds, from 1 on."""
        return self.path / f"trial-{number:03d}{f'-repeat-{repeat}' if repeat else ''}"
