"""What a layer is: a word, typed arguments, and answers to the same few questions."""

# Annotations here are not put off (`from __future__ import annotations`): pydantic looks at them
# again for every layer, and as text they would make each start of the program a tenth slower.

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import prod
from typing import Any, ClassVar, Literal, Protocol, Self

from pydantic import BaseModel, ConfigDict
from pydantic.fields import FieldInfo

from cnndsl.layers.arguments import Argument
from cnndsl.shape import Condition, Shape


class ShapeError(Exception):
    """A layer can't take its input. `field` names the argument at fault, "" the op itself."""

    def __init__(self, code: str, message: str, *, field: str = "", help: str = ""):
        super().__init__(message)
        self.code, self.message, self.field, self.help = code, message, field, help


Role = Literal["weight", "bias", "norm", "statistic"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A tensor that belongs to a step, kept as `STEP.name`.

    Weights (`role="weight"`) are drawn with `fan_in` and `fan_out`; the others start at `initial`.
    A statistic is a running average: stored, but neither trained nor counted as a parameter.
    """

    name: str
    shape: tuple[int, ...]
    role: Role
    fan_in: int = 0
    fan_out: int = 0
    initial: float = 0.0

    @property
    def size(self) -> int:
        """Number of values."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Cost:
    """Work for one example: multiply-adds of convolutions and dense layers, and operations of any
    kind (2 per multiply-add, and what the layer's documentation says for the rest).
    """

    macs: int
    flops: int


MOST_VIEWS = 1024  # of positions that see differently before they repeat; beyond it, nearly


@dataclass(frozen=True, slots=True)
class ReceptiveAxis:
    """What positions see along one axis: position i of the first few sees the inputs of `views[i]`,
    the first to the last, or none; so many positions further they see what lies `advance` inputs
    further.

    A window has one view and its stride as the advance; where a map is enlarged by 2, two positions
    see the same input, or others around it.
    """

    views: tuple[tuple[int, int] | None, ...]
    advance: int

    @property
    def size(self) -> int:
        """How many inputs a position sees at most, from the first to the last."""
        return max((last - first + 1 for first, last in filter(None, self.views)), default=0)

    @property
    def step(self) -> Fraction:
        """How many inputs further the next position sees, on average."""
        return Fraction(self.advance, len(self.views))

    @property
    def start(self) -> int:
        """Where the first view begins; negative in the padding."""
        return next((first for first, _ in filter(None, self.views)), 0)

    def at(self, position: int) -> tuple[int, int] | None:
        """The inputs that a position sees, the first and the last."""
        turns, place = divmod(position, len(self.views))
        view = self.views[place]
        return view and (view[0] + turns * self.advance, view[1] + turns * self.advance)


ReceptiveAxes = tuple[ReceptiveAxis, ...] | Literal["everything"]
"""A receptive field for every axis; empty where every position sees its own alone."""

POINT: ReceptiveAxes = ()
EVERYTHING: ReceptiveAxes = "everything"


Value = Any
"""A value of the graph under construction; what it is is the builder's business."""


class Builder(Protocol):
    """What `lower` writes into: nodes of standard ONNX operators, named after the step."""

    inputs: tuple[Shape, ...]
    output: Shape

    def op(self, kind: str, *inputs: Value | None, **attributes: Any) -> Value:
        """Add a node with one output."""
        ...

    def ops(
        self, kind: str, outputs: int, *inputs: Value | None, **attributes: Any
    ) -> Sequence[Value]:
        """Add a node with several outputs."""
        ...

    def parameter(self, name: str) -> Value:
        """The step's parameter of that name, as the layer's `parameters` declares it."""
        ...

    def constant(self, name: str, values: object, kind: Literal["float", "int"] = "float") -> Value:
        """A constant tensor from numbers, nested sequences or an array."""
        ...

    @property
    def wants_indices(self) -> bool:
        """Whether an unpooling needs the places of this step's maxima."""
        ...

    def keep_indices(self, indices: Value) -> None:
        """Leave the places of this step's maxima for the unpooling."""
        ...

    def indices(self, number: int) -> Value:
        """The places kept by the step that made the input of that number."""
        ...

    def producer(self, number: int) -> "Layer":
        """The layer of the step that made the input of that number."""
        ...


class TrainingBuilder(Builder, Protocol):
    """What `train` writes into; the batch is fixed, and so are all sizes."""

    examples: int
    """The batch."""

    def composite(
        self, kind: str, outputs: int, *inputs: Value | None, **attributes: Any
    ) -> Sequence[Value]:
        """Add a node of the compiler's own, which has one gradient and is expanded later on."""
        ...

    def noise(self, kind: Literal["uniform", "normal"], shape: Sequence[int]) -> Value:
        """Fresh random numbers for every training step: uniform on [0, 1), or standard normal."""
        ...

    def statistic(self, name: str, value: Value, keep: float) -> None:
        """Move the step's running average of that name: keep·old + (1 − keep)·value."""
        ...


@dataclass(frozen=True, slots=True)
class Example:
    """A line of the language with what it must give: a test and documentation at once."""

    text: str
    input: str
    output: str
    params: int = 0
    macs: int = 0


class Layer(BaseModel):
    """A layer without weights or place: its word and its arguments.

    Adding a layer is adding a file here: arguments as fields, a docstring that is its reference
    page, examples, and the answers below. Shapes leave the batch out; costs are for one example.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, defer_build=True)

    word: ClassVar[str] = ""
    examples: ClassVar[tuple[Example, ...]] = ()
    references: ClassVar[tuple[int, int | None]] = (0, 0)
    """How many labels it takes beside the current value: least and most (None: any number)."""
    refused: ClassVar[Mapping[str, str]] = {}
    """Keys that other tools have and that are refused on purpose, with the reason."""
    reference_key: ClassVar[str | None] = None
    """The key a label is given by, if any: `crop to=x`; else labels stand bare: `concat x`."""
    takes_current: ClassVar[bool] = True
    """Whether the value of the line above is its first input."""
    reads: ClassVar[int | None] = None
    """How many of its inputs its values depend on; of the others it takes the size alone."""
    in_place: ClassVar[bool] = False
    """Whether its output may overwrite its input (elementwise layers)."""
    is_identity: ClassVar[bool] = False
    """Whether it does nothing at inference (dropout): it makes no node and no new buffer."""
    keeps: ClassVar[frozenset[str]] = frozenset({"input"})
    """What the backward pass needs again: "input", "output", "indices", "mask"."""

    def __init_subclass__(cls, word: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if word:
            cls.word = word
            LAYERS[word] = cls

    @classmethod
    def arguments(cls) -> Mapping[str, Argument]:
        """How each field is written."""
        if "_arguments" not in cls.__dict__:
            cls._arguments = {name: _argument(info) for name, info in cls.model_fields.items()}
        return cls._arguments

    _arguments: ClassVar[Mapping[str, Argument]]

    @abstractmethod
    def shape(self, *inputs: Shape) -> Shape:
        """Output shape; raises ShapeError."""
        raise NotImplementedError

    def without_bias(self) -> Self:
        """The layer before a batch norm, which takes the bias' place; asked where it has the field
        `bias`.
        """
        return self.model_copy(update={"bias": False})

    def conditions(self, *inputs: Shape) -> tuple[Condition, ...]:
        """What names in symbolic sizes must satisfy so that the inputs fit together."""
        return ()

    def parameters(self, *inputs: Shape) -> tuple[Parameter, ...]:
        """The tensors it owns, in the order they are counted and stored."""
        return ()

    @abstractmethod
    def cost(self, inputs: tuple[Shape, ...], output: Shape) -> Cost:
        """Work for one example of concrete shapes."""
        raise NotImplementedError

    def receptive_field(self, inputs: tuple[Shape, ...], output: Shape) -> ReceptiveAxes:
        """What an output position sees, axis by axis; POINT (its own alone) unless it says more."""
        return POINT

    def explain(self, inputs: tuple[Shape, ...], output: Shape) -> list[str]:
        """The shape arithmetic as a textbook writes it, a line a fact; counts come elsewhere."""
        return []

    @abstractmethod
    def lower(self, graph: Builder, *inputs: Any) -> Value:
        """Its inference in standard ONNX operators (opset 18)."""
        raise NotImplementedError

    def train(self, graph: TrainingBuilder, *inputs: Any) -> Value:
        """Its forward pass in training; the same as at inference unless it says more."""
        return self.lower(graph, *inputs)


LAYERS: dict[str, type[Layer]] = {}
"""Every layer by its word; filled as the modules of this package are imported."""


def _argument(info: FieldInfo) -> Argument:
    extra: Any = info.json_schema_extra  # left there by the functions of layers.arguments
    return extra["argument"]
