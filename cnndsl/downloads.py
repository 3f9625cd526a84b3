"""Downloads from known addresses: nothing takes its place before its SHA-256 is the right one, and
none goes on for ever.
"""

from __future__ import annotations

import hashlib
import urllib.request
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event, Thread
from time import monotonic, sleep
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from cnndsl.diagnostics import UsageError
from cnndsl.files import replaced

Progress = Callable[[str, int, int], None]
"""Called with a file's name, the bytes that are there, and all of them."""

TIMEOUT = 30.0  # seconds without a byte
WINDOW = 60.0  # seconds within which
SLOWEST = 1000  # bytes a second have to come on average
TRIES = 2
PAUSE = 1.0  # seconds before the second one
BLOCK = 1 << 18
_BUSY = (408, 429, 500, 502, 503, 504)  # answers of HTTP that may be others a moment later


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


def fetch(download: Download, folder: Path, progress: Progress | None = None) -> Path:
    """The file in that folder, downloaded unless it is there already.

    A connection that breaks off, or a server that is busy, is tried once more. Raises UsageError
    where no address answers, or with something else, or too slowly; OSError as the file system
    does.
    """
    path = folder / download.name
    if path.is_file():
        return path
    failures: list[str] = []
    folder.mkdir(parents=True, exist_ok=True)
    for address in download.addresses:
        for tries_left in reversed(range(TRIES)):
            try:
                _download(download, address, path, progress)
                return path
            except _FailedError as e:
                if not (e.passing and tries_left):
                    failures.append(f"{urlsplit(address).hostname}: {str(e).strip('. ')}")
                    break
            sleep(PAUSE)
    raise UsageError(f"`{download.name}` can't be downloaded ({'; '.join(failures)})")


class _FailedError(Exception):
    """Why a download failed; what is `passing` may go well the next time."""

    def __init__(self, reason: str, *, passing: bool = False):
        super().__init__(reason)
        self.passing = passing


class _SameScheme(urllib.request.HTTPRedirectHandler):
    """Refuses to be led to an address of another scheme."""

    def __init__(self, scheme: str):
        self.scheme = scheme

    def redirect_request(self, req: Any, fp: Any, code: Any, msg: Any, headers: Any, newurl: str):
        _check_scheme(newurl, self.scheme)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _check_scheme(address: str, scheme: str) -> None:
    if scheme and urlsplit(address).scheme != scheme:
        raise _FailedError(f"`{address}` is no {scheme} address")


def _download(download: Download, address: str, path: Path, progress: Progress | None) -> None:
    _check_scheme(address, download.scheme)
    with replaced(path) as target, closing(_blocks(address, download.scheme)) as blocks:
        digest, done = hashlib.sha256(), 0
        for block in blocks:
            done += len(block)
            if done > download.bytes:
                break
            digest.update(block)
            target.write(block)
            if progress:
                progress(download.name, done, download.bytes)
        most = "" if download.whole else "at most "
        if done > download.bytes or (download.whole and done != download.bytes):
            raise _FailedError(f"it is not the {most}{download.bytes:,} bytes that are wanted")
        if not digest.hexdigest().startswith(download.sha256):
            raise _FailedError("its SHA-256 is another than the known one")


def _blocks(address: str, scheme: str) -> Generator[bytes]:
    """What lies at an address, block by block. Raises _FailedError, also where it comes too slowly.

    A thread reads, so that time is bounded whatever it waits for: a name, headers, a byte now and
    then. It ends with the process, or with the next byte after nobody wants any more.
    """
    received: Queue[bytes | Exception] = Queue(64)
    ended = Event()

    def put(item: bytes | Exception) -> None:
        while not ended.is_set():
            with suppress(Full):
                return received.put(item, timeout=1)

    def read() -> None:
        try:
            request = urllib.request.Request(address, headers={"User-Agent": "cnndsl"})
            opener = urllib.request.build_opener(_SameScheme(scheme))
            with opener.open(request, timeout=TIMEOUT) as answer:
                left = int(answer.headers.get("Content-Length") or 0)
                while not ended.is_set() and (block := answer.read1(BLOCK)):
                    left -= len(block)
                    put(block)
            put(_FailedError("it broke off", passing=True) if left > 0 else b"")
        except Exception as e:  # whatever it is, who waits has to know
            put(e)

    Thread(target=read, daemon=True).start()
    try:
        while True:
            began, count = monotonic(), 0
            while (left := began + WINDOW - monotonic()) > 0:
                try:
                    item = received.get(timeout=left)
                except Empty:
                    break
                if isinstance(item, Exception):
                    raise _failure(item) from None
                if not item:
                    return
                count += len(item)
                yield item
            if count < SLOWEST * WINDOW:
                raise _FailedError(f"only {count:,} bytes came within {WINDOW:g} seconds")
    finally:
        ended.set()


def _failure(error: Exception) -> _FailedError:
    """What went wrong, in a few words."""
    if isinstance(error, _FailedError):
        return error
    if isinstance(error, HTTPError):
        return _FailedError(str(error.reason), passing=error.code in _BUSY)
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return _FailedError(f"no answer within {TIMEOUT:g} seconds")
    reason = (isinstance(cause, OSError) and cause.strerror) or str(cause) or type(cause).__name__
    broken = isinstance(cause, ConnectionResetError | HTTPException)
    return _FailedError(reason, passing=broken)
