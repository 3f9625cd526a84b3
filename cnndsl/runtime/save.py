"""Writing outputs: .npy and .npz row by row, so that memory stays flat, and pictures."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.files import blamed_on, replaced
from cnndsl.runtime.running import Results, differing
from cnndsl.runtime.samples import Unreadable
from cnndsl.runtime.session import Array

Pixels = npt.NDArray[np.uint8]
Draw = Callable[[Array, str], tuple[Pixels, str]]
SUFFIXES = (".npz", ".npy", ".png")
_LISTED = 10
_BYTES_FROM = 16.0  # a picture whose largest value is beyond it is on the scale of 0 to 255


class Writer:
    """Collects results and writes them to one file, which appears when all are there.

    `lost` is what can't be read, as far as it is known. It has rows too, so that each row is that
    of its input: NaN, the least integer, or False. `draw` makes a picture of an output, and says
    what was done.

    A context manager: what was begun is removed where the block ends in an exception. Raises
    UsageError where the path isn't writable or outputs don't go into such a file. `notes` say
    afterwards what was written.
    """

    def __init__(
        self,
        path: Path,
        outputs: tuple[str, ...],
        count: int,
        lost: Sequence[Unreadable] = (),
        draw: Draw | None = None,
    ):
        if path.suffix.lower() not in SUFFIXES:
            raise UsageError(f"outputs go to {', '.join(SUFFIXES)}, and `{path}` is none of these")
        if not path.parent.is_dir():
            raise UsageError(f"there is no folder `{path.parent}` to write `{path.name}` into")
        if path.suffix.lower() != ".npz" and len(outputs) > 1:
            names = ", ".join(f"`{name}`" for name in outputs)
            raise UsageError(
                f"the model has {len(outputs)} outputs ({names}): choose one with --only, "
                f"or write an .npz"
            )
        if path.suffix.lower() == ".png" and count > 1:
            raise UsageError(f"a .png holds one picture, and there are {count} inputs")
        self.path, self.count, self.lost, self._draw = path, count, lost, draw or as_pixels
        self.outputs: tuple[str, ...] = outputs
        self.notes: list[str] = []
        self._files: dict[str, BinaryIO] = {}
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._none: dict[str, Array] = {}  # no rows, of outputs that have some
        self._rows = 0
        self._cleaning = ExitStack()

    def __enter__(self) -> Writer:
        try:
            folder = TemporaryDirectory(prefix=f".{self.path.name[:100]}.", dir=self.path.parent)
        except OSError as e:
            raise OSError(e.errno, e.strerror, str(self.path)) from None
        self._folder = Path(self._cleaning.enter_context(folder))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._cleaning, blamed_on(self.path):
            try:
                if kind is None:
                    self._finish()
            finally:
                for file in self._files.values():
                    file.close()

    def add(self, results: Results) -> None:
        """The next results."""
        with blamed_on(self.path):
            self._add(results)

    def _add(self, results: Results) -> None:
        lost = self._met()
        for name in self.outputs:
            array, by_rows = results[name], results.has_rows(name)
            if name not in self._files:
                self._begin(name, array, (self.count, *array.shape[1:]) if by_rows else array.shape)
            elif not by_rows or array.shape[1:] != self._shapes[name][1:]:
                raise UsageError(differing(name))
            if by_rows:
                self._none[name] = array[:0]
            if by_rows and lost:
                array = self._spread(array, lost)
            self._files[name].write(np.ascontiguousarray(array).data)
        self._rows += len(results.sources) + len(lost)

    def _met(self) -> list[int]:
        """The places of what could not be read since the last rows, from the next row on."""
        return [entry.place - self._rows for entry in self.lost if entry.place >= self._rows]

    def _spread(self, array: Array, lost: list[int]) -> Array:
        """The rows with others where something could not be read."""
        nothing = np.nan if array.dtype.kind == "f" else False
        if array.dtype.kind in "iu":
            nothing = np.iinfo(array.dtype).min
        rows = np.full((len(array) + len(lost), *array.shape[1:]), nothing, array.dtype)
        rows[np.delete(np.arange(len(rows)), lost)] = array
        return rows

    def _begin(self, name: str, array: Array, shape: tuple[int, ...]) -> None:
        self._shapes[name] = shape
        self._files[name] = file = self._part(name).open("wb")
        header = {"shape": shape, "fortran_order": False, "descr": array.dtype.str}
        np.lib.format.write_array_header_1_0(file, header)

    def _part(self, name: str) -> Path:
        """A numbered file, since an output's name may be no file's."""
        return self._folder / f"{self.outputs.index(name)}.npy"

    def _finish(self) -> None:
        if not self._shapes:
            return  # nothing could be read
        if lost := self._met():
            for name, none in self._none.items():
                self._files[name].write(self._spread(none, lost).data)
        for file in self._files.values():
            file.close()
        if self.lost:
            places = ", ".join(str(entry.place) for entry in self.lost[:_LISTED])
            more = ", …" if len(self.lost) > _LISTED else ""
            self.notes.append(f"rows without values, of what can't be read: {places}{more}")
        listed = ", ".join(f"{n} {'x'.join(map(str, s))}" for n, s in self._shapes.items())
        self.notes.append(f"{self.path}: {listed}")
        suffix, only = self.path.suffix.lower(), self.outputs[0]
        if suffix == ".npy":
            self._part(only).replace(self.path)
        elif suffix == ".png":
            self._write_picture(np.load(self._part(only), allow_pickle=False))
        else:
            with replaced(self.path) as target, zipfile.ZipFile(target, "w") as archive:
                for name in self.outputs:
                    with (
                        self._part(name).open("rb") as source,
                        archive.open(f"{name}.npy", "w", force_zip64=True) as entry,
                    ):
                        copyfileobj(source, entry, 1 << 20)

    def _write_picture(self, array: Array) -> None:
        from cnndsl.runtime.images import write_picture

        pixels, note = self._draw(array, self.outputs[0])
        self.notes.append(note)
        with replaced(self.path) as file:
            write_picture(file, pixels)


def as_pixels(array: Array, name: str) -> tuple[Pixels, str]:
    """An output 1×C×H×W or 1×H×W×C, C being 1 or 3, as bytes H×W or H×W×3, and what was done.

    Raises UsageError for other outputs.
    """
    if array.ndim == 4 and array.size and len(array) == 1:
        picture = array[0]
        if len(picture) in (1, 3):
            picture = picture.transpose(1, 2, 0)
        height, width, channels = picture.shape
        if channels in (1, 3):
            return _as_bytes(picture if channels == 3 else picture.reshape(height, width))
    raise UsageError(
        f"output `{name}` is {'x'.join(map(str, array.shape))}, and maps alone make a picture; "
        f"write it to an .npz"
    )


def _as_bytes(values: npt.NDArray[Any]) -> tuple[Pixels, str]:
    """On the scale that the values seem to be on: 0 to 1, 0 to 255, or none that is known."""
    numbers = np.nan_to_num(np.asarray(values, np.float64))
    least, most = float(numbers.min()), float(numbers.max())
    if least >= 0 and most <= 1:
        numbers, note = numbers * 255, "values from 0 to 1 are written as 0 to 255"
    elif most >= _BYTES_FROM:
        note = "values are written as they are, cut off at 0 and 255"
    else:
        numbers = (numbers - least) * (255 / ((most - least) or 1))
        note = f"values from {least:.4g} to {most:.4g} are spread over 0 to 255"
    return np.rint(np.clip(numbers, 0, 255)).astype(np.uint8), note
