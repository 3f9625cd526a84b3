"""Pictures that a net with a code makes of codes: drawn, or along a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cnndsl.data.showing import pixels
from cnndsl.diagnostics import UsageError
from cnndsl.emit import emit
from cnndsl.files import PREFIX, replaced
from cnndsl.layers.sample import Sample
from cnndsl.lower import lower
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import run
from cnndsl.runtime.model import Model, open_model
from cnndsl.surgery import cut, value_at
from cnndsl.training.layout import Float
from cnndsl.training.report.pictures import ACROSS, mosaic, png
from cnndsl.transfer.pretrained import open_pretrained
from cnndsl.weights import Weights

BATCH = 64
STEPS = 8
REACH = 3.0
"""How far a walk goes from 0, in standard deviations of the prior."""

MOST_WALKED = 16
MOST_VALUES = 1 << 28
"""What codes and pictures may hold together."""


@dataclass(frozen=True, slots=True)
class Generated:
    """Codes (N×D or N×C×H×W) and the pictures that were made of them (N×C×H×W), float32.

    `preprocessing` says what the numbers of pictures are, `across` how many make a row. `notes` are
    for the user.
    """

    codes: Float
    pictures: Float
    preprocessing: Preprocessing
    across: int = ACROSS
    notes: tuple[str, ...] = ()

    def save(self, path: Path) -> Path:
        """Write a .png of all pictures, and beside it an .npz of `codes` and `pictures`; return
        where that is. Raises OSError.
        """
        shown = [pixels(picture, self.preprocessing) for picture in self.pictures]
        with replaced(path) as file:
            file.write(png(mosaic(shown, self.across)))
        arrays = path.with_suffix(".npz")
        with replaced(arrays) as file:
            np.savez(file, codes=self.codes, pictures=self.pictures)
        return arrays


class Decoder:
    """A net from its code on, and up to it.

    The code is what its one `sample` layer draws, or the value `at`. Raises UsageError where there
    is none, where something goes past it, and where what comes out is no picture.
    """

    def __init__(self, model: str | Path, weights: str | Path | None = None, at: str | None = None):
        found = open_pretrained(str(model), weights)
        if found.weights is None:
            raise UsageError(f"`{model}` is a spec, so it has no weights: name a file by --weights")
        self._weights: Weights = found.weights
        self.network = network = found.network
        self.preprocessing = found.preprocessing or Preprocessing()
        drawn = [s.name for s in network.without_heads() if isinstance(s.layer, Sample)]
        if at is None and len(drawn) != 1:
            many = f"{len(drawn)} `sample` layers" if drawn else "no `sample` layer"
            raise UsageError(f"{network.name} has {many}: say by --at which value is the code")
        self.code = drawn[0] if at is None else value_at(network, at)
        self.has_prior = self.code in drawn
        shape = network.shapes[self.code]
        self.shape: tuple[int, ...] = (shape.channels, *shape.sizes)
        output = network.outputs[0]
        picture = network.shapes[output]
        if picture.rank != 2 or picture.channels not in (1, 3):
            raise UsageError(f"what {network.name} makes is {picture}, no picture")
        self._size = int(picture.elements + shape.elements)
        self._decoder = self._opened(cut(network, output, start=self.code))

    def draw(self, count: int, seed: int = 0) -> Generated:
        """Pictures of codes drawn from the standard normal distribution. Raises UsageError."""
        self._check_prior("drawn")
        self._check_room(count)
        random = np.random.default_rng(seed)
        return self._made(random.standard_normal((count, *self.shape), np.float32))

    def between(self, first: str | Path, second: str | Path, steps: int = STEPS) -> Generated:
        """Pictures of the codes on the straight line between those of two pictures, both ends
        among them. Raises UsageError.
        """
        self._check_room(steps)
        encoder = self._opened(cut(self.network, self.code))
        found = run(encoder, [str(first), str(second)], preprocessing=self.preprocessing)
        (ends,) = found.outputs.values()
        weights = np.linspace(0, 1, steps, dtype=np.float32).reshape(-1, *[1] * len(self.shape))
        return self._made(ends[:1] * (1 - weights) + ends[1:] * weights, steps)

    def walk(self, steps: int = STEPS) -> Generated:
        """Pictures of codes in which one number at a time goes from -3 to 3 and the others are 0,
        a row each for the first numbers of the code. Raises UsageError.
        """
        self._check_prior("walked through")
        numbers = int(np.prod(self.shape))
        rows = min(numbers, MOST_WALKED)
        self._check_room(rows * steps)
        codes = np.zeros((rows, steps, numbers), np.float32)
        for row in range(rows):
            codes[row, :, row] = np.linspace(-REACH, REACH, steps)
        left = [f"the first {rows} of the code's {numbers:,} numbers"] if rows < numbers else []
        return self._made(codes.reshape(-1, *self.shape), steps, left)

    def _made(self, codes: Float, across: int = ACROSS, notes: Sequence[str] = ()) -> Generated:
        (port,) = self._decoder.inputs
        parts = [
            next(iter(self._decoder({port.name: part}, self._decoder.outputs[:1]).values()))
            for part in np.split(codes, range(BATCH, len(codes), BATCH))
        ]
        pictures = np.concatenate(parts).astype(np.float32, copy=False)
        return Generated(codes, pictures, self.preprocessing, across, tuple(notes))

    def _opened(self, part: Network) -> Model:
        with TemporaryDirectory(prefix=PREFIX) as folder:
            path = Path(folder) / "part.onnx"
            emit(lower(part), path, weights=self._weights, metadata={})
            return open_model(path)

    def _check_prior(self, what: str) -> None:
        if not self.has_prior:
            raise UsageError(
                f"`{self.code}` of {self.network.name} is no `sample` layer, so nothing says how "
                f"its codes are distributed, and none can be {what}; --between goes from one "
                f"picture to another"
            )

    def _check_room(self, count: int) -> None:
        if count * self._size > MOST_VALUES:
            most = MOST_VALUES // self._size
            raise UsageError(f"{count:,} pictures are too many at once: up to {most:,} are made")
