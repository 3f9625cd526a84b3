"""What a model's input asks of a picture: channels, height, width, and in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing, usual
from cnndsl.runtime.model import Model, Port, listed
from cnndsl.runtime.session import Array

CHANNELS = (1, 3)  # grey, colour
COLOURS = 3  # what a net whose channels are open is given
Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class PictureInput:
    """An input that takes pictures: NCHW, or NHWC where `channels_last`; None is an open size.

    One that takes volumes, NCDHW, of `depth` layers, is given pictures with the channels of all
    layers, which `shaped` takes apart.

    Raises UsageError where pictures that are prepared like this don't fit.
    """

    name: str
    type: str
    channels: int
    height: int | None
    width: int | None
    channels_last: bool
    preprocessing: Preprocessing
    depth: int = 0

    def __post_init__(self) -> None:
        how = self.preprocessing
        if how.channels not in (None, self.channels):
            raise UsageError(
                f"mean or std have {how.channels} numbers, "
                f"but input `{self.name}` has {self.channels} channel{'s' * (self.channels > 1)}"
            )
        resize = how.resize if how.crop == "centre" else None
        if resize and self.height and self.width and resize < min(self.height, self.width):
            raise UsageError(
                f"pictures resized to {resize} are smaller than the {self.height}x{self.width} "
                f"that input `{self.name}` takes"
            )

    def shaped(self, images: Array) -> Array:
        """Pictures B×C×H×W as the input takes them: B×C×D×H×W where these are volumes."""
        if not self.depth:
            return images
        return images.reshape(len(images), -1, self.depth, *images.shape[2:])

    @property
    def sides(self) -> Size:
        """Height and width. Raises UsageError where they are open."""
        if self.height is None or self.width is None:
            raise UsageError(f"input `{self.name}` leaves the pictures' size open; say one")
        return self.height, self.width

    def describe(self) -> str:
        """What happens to a picture, in one line."""
        how = self.preprocessing
        if self.depth:
            size = f"volumes of {self.depth}x{self.height}x{self.width}"
            return f"{size}, {how.describe().replace(how.order, 'values')}"
        colours = how.describe() if self.channels > 1 else how.describe().replace(how.order, "grey")
        if self.height is None or self.width is None:
            size = f"shorter side {how.resize}" if how.resize else "its own size"
        elif how.crop == "stretch":
            size = f"stretched to {self.height}x{self.width}"
        else:
            shorter = how.resize_for(self.height, self.width)
            size = f"shorter side {shorter}, the middle {self.height}x{self.width}"
        return f"{size}, {colours}"


def picture_input(
    model: Model, preprocessing: Preprocessing | None = None, size: Size | None = None
) -> PictureInput:
    """How a model with one input takes pictures, prepared as given or as the model itself says.

    `size`, height and width, settles sizes that the model leaves open. Raises UsageError where
    the model doesn't take pictures, or not such ones.
    """
    _check_single(model)
    return picture_port(model, model.inputs[0], preprocessing, size)


def volume_input(model: Model, preprocessing: Preprocessing | None = None) -> PictureInput | None:
    """How a model with one input takes volumes; None where it takes none."""
    _check_single(model)
    (port,) = model.inputs
    sizes = [size for size in port.dims[1:] if isinstance(size, int) and size]
    if len(port.dims) != 5 or len(sizes) != 4 or not port.type.startswith("float"):
        return None
    channels, depth, height, width = sizes
    how = preprocessing or model.preprocessing or default_preprocessing(port)
    wide = channels * depth
    return PictureInput(port.name, port.type, wide, height, width, False, how, depth)


def _check_single(model: Model) -> None:
    if len(model.inputs) != 1:
        raise UsageError(
            f"{model.name} has {len(model.inputs)} inputs ({listed(model.inputs)}): "
            f"give each by its name, `name=file`, or all in one .npz"
        )


def picture_port(
    model: Model, port: Port, preprocessing: Preprocessing | None, size: Size | None = None
) -> PictureInput:
    """The same for one of several inputs."""
    if len(port.dims) != 4 or 0 in port.dims or not port.type or port.type == "bool":
        raise UsageError(
            f"input `{port.name}` takes {port.describe()}, which is no picture; "
            f"give an array (.npy or .npz)"
        )
    last = _channels_last(port)
    channels, *space = (port.dims[3], *port.dims[1:3]) if last else port.dims[1:]
    if isinstance(channels, str):
        channels = COLOURS
    if channels not in CHANNELS:
        raise UsageError(
            f"input `{port.name}` takes {channels} channels, and a picture has 1 or 3; "
            f"give an array (.npy or .npz)"
        )
    preprocessing = (
        preprocessing
        or model.preprocessing
        or usual_preprocessing(model)
        or default_preprocessing(port)
    )
    height, width = (d if isinstance(d, int) else None for d in space)
    if size is not None:
        if any(d not in (None, s) for d, s in zip((height, width), size, strict=True)):
            raise UsageError(
                f"input `{port.name}` takes pictures of {space[0]}x{space[1]}, "
                f"not {size[0]}x{size[1]}"
            )
        height, width = size
    return PictureInput(port.name, port.type, channels, height, width, last, preprocessing)


def usual_preprocessing(
    model: Model, outputs: Iterable[Sequence[object]] | None = None
) -> Preprocessing | None:
    """What is taken for a model of ImageNet's classes that says nothing itself; None for others.

    `outputs` are the shapes of the outputs, batch first, where they aren't the model's own.
    """
    port = model.inputs[0]
    if len(model.inputs) != 1 or len(port.dims) != 4 or not port.type.startswith("float"):
        return None
    channels = port.dims[3 if _channels_last(port) else 1]
    shapes: Iterable[Sequence[object]] = [list(port.dims) for port in model.outputs]
    for dims in shapes if outputs is None else outputs:
        is_flat = len(dims) > 1 and all(size == 1 for size in dims[2:])  # a number a class, no map
        if is_flat and (how := usual(channels, dims[1])) is not None:
            return how
    return None


def default_preprocessing(port: Port) -> Preprocessing:
    """What is taken where nobody says more: 0 to 1, or 0 to 255 for a net that takes integers."""
    return Preprocessing() if port.type.startswith("float") else Preprocessing(scale=1.0)


def _channels_last(port: Port) -> bool:
    """NHWC is what has channels at the end and none in second place; in doubt it is NCHW."""
    return port.dims[3] in CHANNELS and port.dims[1] not in CHANNELS
