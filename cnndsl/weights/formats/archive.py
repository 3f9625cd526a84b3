"""Zip archives from anywhere: a table of contents within bounds, members read in any part.

PyTorch, NumPy and Keras keep weights in zip files. Nothing is ever unpacked to the disk, so that a
member's name is only a word.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import BufferedReader, FileIO
from pathlib import Path

from cnndsl.weights.formats.limits import check_expansion
from cnndsl.weights.tensors import DamagedError

LARGEST_CONTENTS = 2 << 20  # bytes of the table of contents: some 20,000 tensors
_PIECE = 1 << 18  # bytes
_LOCAL_HEADER, _LOCAL_MARK = 30, b"PK\3\4"


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive; `size` is its own, `packed` that of what is stored."""

    path: Path
    name: str
    size: int
    packed: int
    compressed: bool
    header: int
    checksum: int

    def read(self, begin: int = 0, end: int | None = None) -> bytearray:
        """Its bytes, or those from `begin` to `end`. Raises DamagedError, and OSError.

        The checksum is looked at where all are read. Of a compressed member, what lies before
        `begin` is unpacked and thrown away.
        """
        end = self.size if end is None else end
        if not 0 <= begin <= end <= self.size:
            raise self._cut_off()
        with self.path.open("rb") as file:
            self._seek(file)
            if self.compressed:
                data = self._unpacked(file, begin, end)
            else:
                file.seek(begin, 1)
                data = whole_read(file, end - begin)
        if len(data) != end - begin:
            raise self._cut_off()
        if len(data) == self.size and zlib.crc32(data) != self.checksum:
            raise DamagedError(f"is damaged: the checksum of `{self.name}` is another")
        return data

    def _seek(self, file: BufferedReader) -> None:
        """Go to where its bytes begin, behind the header that repeats its name."""
        file.seek(self.header)
        header = file.read(_LOCAL_HEADER)
        if len(header) != _LOCAL_HEADER or not header.startswith(_LOCAL_MARK):
            raise self._cut_off()
        file.seek(
            int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little"), 1
        )

    def _unpacked(self, file: BufferedReader, begin: int, end: int) -> bytearray:
        data, position = bytearray(), 0
        for piece in self._pieces(file):
            data += piece[max(0, begin - position) : max(0, end - position)]
            position += len(piece)
            if position >= end:
                break
        return data

    def _pieces(self, file: BufferedReader) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        left = self.packed
        while left and not unpacker.eof:
            packed = file.read(min(left, _PIECE))
            if not packed:
                return
            left -= len(packed)
            while packed and not unpacker.eof:
                yield unpacker.decompress(packed, _PIECE)
                packed = unpacker.unconsumed_tail

    def _cut_off(self) -> DamagedError:
        return DamagedError(f"is cut off: `{self.name}` isn't whole")


def whole_read(file: BufferedReader, count: int) -> bytearray:
    """Bytes in memory that an array may be made of; fewer where the file ends."""
    data = bytearray(count)
    del data[file.readinto(data) :]
    return data


def members(path: Path) -> Mapping[str, Member]:
    """The members of a zip archive by name. Raises DamagedError, and what zipfile raises."""
    with _Careful(path) as file, zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
    size = path.stat().st_size
    check_expansion(sum(entry.file_size for entry in entries), size)
    found = {entry.filename: _member(path, entry, size) for entry in entries}
    if len(found) != len(entries):
        raise DamagedError("is an archive with two members of one name")
    return found


def _member(path: Path, entry: zipfile.ZipInfo, size: int) -> Member:
    if entry.flag_bits & 1:
        raise DamagedError("is an archive with a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DamagedError(
            f"is packed in a way that isn't read here (method {entry.compress_type})"
        )
    compressed = entry.compress_type == zipfile.ZIP_DEFLATED
    if not 0 <= entry.header_offset <= size or entry.compress_size > size:
        raise DamagedError(f"is cut off: `{entry.filename}` lies beyond its end")
    if not compressed and entry.compress_size != entry.file_size:
        raise DamagedError(f"gives `{entry.filename}` two sizes")
    return Member(
        path,
        entry.filename,
        entry.file_size,
        entry.compress_size,
        compressed,
        entry.header_offset,
        entry.CRC,
    )


class _Careful(FileIO):
    """A file of which zipfile can't read a table of contents of any size into memory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > LARGEST_CONTENTS:
            raise DamagedError(f"has a table of contents of over {LARGEST_CONTENTS:,} bytes")
        return super().read(size) or b""
