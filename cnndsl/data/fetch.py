"""Downloads from known addresses: nothing takes its place before its SHA-256 is the right one."""

from __future__ import annotations

import hashlib
import os
import sys
import tarfile
import urllib.request
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are there, and all of them."""

TIMEOUT = 30.0  # seconds without an answer
_BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Download:
    """A file, its size and SHA-256, and addresses to try one after the other."""

    name: str
    addresses: tuple[str, ...]
    bytes: int
    sha256: str


def data_folders(data_dir: Path | None) -> list[Path]:
    """Where data sets are looked for: `data_dir`, $CNNDSL_DATA, the user's cache.

    What is downloaded goes to the first of them.
    """
    given = os.environ.get("CNNDSL_DATA")
    folders = [data_dir, Path(given) if given else None, _cache() / "cnndsl" / "data"]
    return [folder.expanduser() for folder in folders if folder is not None]


def fetch(download: Download, folder: Path, progress: Progress | None = None) -> Path:
    """The file in that folder, downloaded unless it is there already.

    Raises UsageError where no address answers, or with something else.
    """
    path = folder / download.name
    if path.is_file():
        return path
    failures: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for address in download.addresses:
        try:
            _download(download, address, path, progress)
            return path
        except (OSError, HTTPException, _WrongContentError) as e:
            reason = str(getattr(e, "reason", "") or (isinstance(e, OSError) and e.strerror) or e)
            failures.append(f"{urlsplit(address).hostname}: {reason.strip('. ')}")
    raise UsageError(f"`{download.name}` can't be downloaded ({'; '.join(failures)})")


def unpack_members(archive: Path, members: Mapping[str, int], folder: Path) -> None:
    """Write certain files of a .tar.gz into a folder, by their own last names.

    `members` are their names in the archive and their sizes; whatever else it holds is not looked
    at, so that nothing can be written elsewhere. Raises UsageError.
    """
    left = dict(members)
    try:
        with tarfile.open(archive, "r:gz") as files:
            for member in files:
                if left.get(member.name) != member.size or not member.isreg():
                    continue
                content = files.extractfile(member)
                assert content is not None  # it is a regular file
                with content, replaced(folder / Path(member.name).name) as target:
                    while block := content.read(_BLOCK):
                        target.write(block)
                del left[member.name]
                if not left:
                    return
    except (tarfile.TarError, EOFError, zlib.error) as e:
        raise UsageError(f"`{archive}` is no sound archive: {e}") from None
    raise UsageError(f"`{archive}` lacks {', '.join(left)}")


class _WrongContentError(Exception):
    """What came is not what was wanted."""


def _download(download: Download, address: str, path: Path, progress: Progress | None) -> None:
    request = urllib.request.Request(address, headers={"User-Agent": "cnndsl"})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as answer, replaced(path) as target:
        digest, done = hashlib.sha256(), 0
        while block := _block(answer):
            done += len(block)
            if done > download.bytes:
                break
            digest.update(block)
            target.write(block)
            if progress:
                progress(download.name, done, download.bytes)
        if done != download.bytes:
            raise _WrongContentError(f"it is not the {download.bytes:,} bytes that are wanted")
        if digest.hexdigest() != download.sha256:
            raise _WrongContentError("its SHA-256 is another than the known one")


def _block(answer: IO[bytes]) -> bytes:
    return answer.read(_BLOCK)


def _cache() -> Path:
    """Where this system keeps what can be had again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
