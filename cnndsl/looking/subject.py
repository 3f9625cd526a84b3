"""The net that is looked at, as an ONNX model in a file, and pictures as it takes them."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from cnndsl.diagnostics import UsageError
from cnndsl.files import PREFIX
from cnndsl.looking.view import Array, Pixels, enlarged
from cnndsl.lower import lower
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.images import read_picture
from cnndsl.runtime.inputs import gather
from cnndsl.runtime.model import Model, open_model, write_network
from cnndsl.runtime.pictures import PictureInput, Size, picture_input
from cnndsl.surgery import value_at
from cnndsl.weights import Mapping as WeightMapping

if TYPE_CHECKING:
    import onnx

SIDE = 224
"""Pixels that a photo's longer side has at least in a view."""


@dataclass(frozen=True, slots=True)
class Subject:
    """path: the .onnx file. model: the same, open. named: from what people call a layer to what
    the file calls its value. size: what pictures get where the model leaves it open. how: how they
    are prepared, None for the model's own way. labels: the classes' names, None where there are
    none.
    """

    path: Path
    model: Model
    named: Callable[[str], str]
    threads: int | None = None
    device: str = "cpu"
    size: Size | None = None
    how: Preprocessing | None = None
    labels: Sequence[str] | None = None

    @property
    def picture(self) -> PictureInput:
        """What the net takes. Raises UsageError where that are no pictures, or of open size."""
        found = picture_input(self.model, self.how, self.size)
        if found.height is None or found.width is None:
            raise UsageError(
                f"{self.model.name} takes pictures of any size: choose one by --size 224x224"
            )
        return found

    @property
    def input_shapes(self) -> dict[str, tuple[int, ...]]:
        """The input's shape, without the batch."""
        p = self.picture
        space = (p.height or 0, p.width or 0)
        return {p.name: (*space, p.channels) if p.channels_last else (p.channels, *space)}

    @property
    def open_sizes(self) -> dict[str, tuple[int, ...]]:
        """The same where the model leaves the size of pictures open, else nothing."""
        ports = self.model.inputs
        is_open = any(isinstance(size, str) for port in ports for size in port.dims[1:])
        return self.input_shapes if is_open and len(ports) == 1 else {}

    def opened(self, model: onnx.ModelProto) -> Model:
        """Another model of the same net."""
        made = open_model(model.SerializeToString(), device=self.device, threads=self.threads)
        return replace(made, name=self.model.name, preprocessing=self.model.preprocessing)

    def paths(self, pictures: Sequence[str | Path]) -> list[Path]:
        """The files of pictures, and of those in folders. Raises UsageError."""
        if not pictures:
            raise UsageError("name a picture to look at, or a folder of them")
        parts = gather(self.model, list(pictures), self.how, self.size).parts
        paths = [part for part in parts if isinstance(part, Path)]
        if len(paths) < len(parts):
            raise UsageError("only pictures can be looked at, no arrays")
        return paths

    def each(
        self, paths: Sequence[Path], skipped: list[str]
    ) -> Iterator[tuple[Path, Array, Pixels]]:
        """All pictures but those that can't be read, for which `skipped` gets the reason.

        Raises UsageError where none can.
        """
        for path in paths:
            try:
                x, photo = self.read(path)
            except UsageError as e:
                skipped.append(str(e))
                continue
            yield path, x, photo
        if len(skipped) == len(paths):
            raise UsageError(skipped[0])

    def read(self, path: Path) -> tuple[Array, Pixels]:
        """A picture as the net takes it, without a batch, and as people see that."""
        picture = self.picture
        plain = replace(
            picture,
            type="float32",
            channels_last=True,
            preprocessing=replace(
                picture.preprocessing, scale=1.0, mean=(0.0,), std=(1.0,), order="RGB"
            ),
        )
        photo = np.rint(np.clip(read_picture(path, plain), 0, 255)).astype(np.uint8)
        return read_picture(path, picture), np.broadcast_to(photo, (*photo.shape[:2], 3))


@contextmanager
def open_subject(
    model: str | Path | Network,
    *,
    weights: WeightMapping | None = None,
    seed: int = 0,
    threads: int | None = None,
    device: str = "cpu",
) -> Generator[Subject]:
    """An .onnx file, or a network with its weights, which are drawn from `seed` otherwise.

    Raises UsageError.
    """
    if not isinstance(model, Network):
        path = Path(model)
        opened = open_model(path, device=device, threads=threads)
        yield Subject(path, opened, str, threads, device, labels=opened.labels)
        return
    network, lowered = model, lower(model)
    fresh = weights is None and bool(lowered.parameters)

    def named(name: str) -> str:
        return str(lowered.values[value_at(network, name)].name)

    with TemporaryDirectory(prefix=PREFIX) as folder:
        path = Path(folder) / network.name
        write_network(network, path, seed, weights)
        opened = open_model(path, device=device, threads=threads)
        opened = replace(opened, name=f"`{network.name}`", fresh=fresh)
        yield Subject(path, opened, named, threads, device, labels=opened.labels)


def shown(photo: Pixels) -> Pixels:
    """A photo, large enough to be seen."""
    return photo if max(photo.shape[:2]) >= SIDE // 2 else enlarged(photo, SIDE)
