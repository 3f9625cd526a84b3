"""Downloads from known addresses: nothing takes its place before its SHA-256 is the right one."""

from __future__ import annotations

import hashlib
import os
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are there, and all of them."""

TIMEOUT = 30.0  # seconds without an answer
BLOCK = 1 << 18


@dataclass(frozen=True, slots=True)
class Download:
    """A file, its size and SHA-256, and addresses to try one after the other.

    Where only the beginning of the SHA-256 is known, `bytes` is the most that it may have. `scheme`
    is the only one that addresses, and those they lead to, may have; "" is any that urllib allows.
    """

    name: str
    addresses: tuple[str, ...]
    bytes: int
    sha256: str
    scheme: str = ""

    @property
    def whole(self) -> bool:
        """Whether the SHA-256 is known whole, and so the size."""
        return len(self.sha256) == 64


def cache_folder() -> Path:
    """Where this system keeps what can be had again."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


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


class _WrongContentError(Exception):
    """What came is not what was wanted."""


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Refuses to be led to an address of another scheme."""

    def __init__(self, scheme: str):
        self.scheme = scheme

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str):
        _check_scheme(newurl, self.scheme)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(address: str, scheme: str) -> None:
    if scheme and urlsplit(address).scheme != scheme:
        raise _WrongContentError(f"`{address}` is no {scheme} address")


def _download(download: Download, address: str, path: Path, progress: Progress | None) -> None:
    _check_scheme(address, download.scheme)
    request = urllib.request.Request(address, headers={"User-Agent": "cnndsl"})
    opener = urllib.request.build_opener(_SameScheme(download.scheme))
    with opener.open(request, timeout=TIMEOUT) as answer, replaced(path) as target:
        digest, done = hashlib.sha256(), 0
        while block := _block(answer):
            done += len(block)
            if done > download.bytes:
                break
            digest.update(block)
            target.write(block)
            if progress:
                progress(download.name, done, download.bytes)
        most = "" if download.whole else "at most "
        if done > download.bytes or (download.whole and done != download.bytes):
            raise _WrongContentError(
                f"it is not the {most}{download.bytes:,} bytes that are wanted"
            )
        if not digest.hexdigest().startswith(download.sha256):
            raise _WrongContentError("its SHA-256 is another than the known one")


def _block(answer: IO[bytes]) -> bytes:
    return answer.read(BLOCK)
