"""What is trained: a net of our language, or any ONNX model; alike for everything above."""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.data.arrays import Volume
from cnndsl.diagnostics import UsageError
from cnndsl.emit import skeleton
from cnndsl.files import replaced
from cnndsl.graphs.safety import external_locations
from cnndsl.graphs.writer import OPSET
from cnndsl.importing.reading import read_graph
from cnndsl.layers.base import Parameter
from cnndsl.lower import Lowered, lower, output_names
from cnndsl.lower.external import ExternalModel, external_evaluation, read_external
from cnndsl.network import LossTerm, Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.comparing import difference
from cnndsl.runtime.model import NUMPY_TYPES
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import open_session, run_session
from cnndsl.shape import Shape
from cnndsl.show.flat import flat
from cnndsl.training.folder import RunFolder
from cnndsl.training.graphs import TrainingGraphs, build_external_training, build_training
from cnndsl.training.losses import TARGET, Recipe
from cnndsl.weights import initial_weights
from cnndsl.weights.save import Float

Trainable = Callable[[str], bool]
COLOURS = (1, 3, 4)
_NORMS = {"bn", "gn", "ln", "in"}


@dataclass(frozen=True)
class ModelAdapter(ABC):
    """A net that can be trained.

    `preprocessing` and `labels` are those that belong to its weights, None where it has none.
    """

    name: str
    preprocessing: Preprocessing | None
    labels: tuple[str, ...] | None

    @property
    @abstractmethod
    def inputs(self) -> Mapping[str, Shape]:
        """Inputs with their shapes; sizes may be symbolic."""

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Parameter]:
        """Every parameter and statistic by its full name, in the order of use."""

    @property
    @abstractmethod
    def has_norms(self) -> bool:
        """Whether batches or groups are normalised on the way."""

    @property
    def layers(self) -> int:
        """How many of its layers have weights."""
        return sum(p.role == "weight" for p in self.parameters.values())

    @property
    def reconstructs(self) -> bool:
        """Whether its loss compares with the picture that went in."""
        return False

    @property
    def wants_targets(self) -> bool:
        """Whether its loss compares with anything that comes with the data, beside pictures."""
        return True

    @property
    def wants_numbers(self) -> bool:
        """Whether its loss compares with numbers that come with the data, and with no classes."""
        return False

    @property
    def answer(self) -> str | None:
        """The output that is judged; None where it has none of what the loss compares."""
        return None

    @property
    @abstractmethod
    def described(self) -> str:
        """Its name, with what it was made with."""

    @property
    @abstractmethod
    def weighed(self) -> Network | Mapping[str, Parameter]:
        """What a file of weights is fitted to."""

    @abstractmethod
    def graphs(
        self, batch: int, trainable: Trainable, recipe: Recipe, planner: Planner
    ) -> TrainingGraphs:
        """Its training graphs. Raises UsageError."""

    @abstractmethod
    def start(self, rule: str, seed: int) -> dict[str, Float]:
        """Where its weights start: as they are, or drawn by a rule."""

    @abstractmethod
    def lowered(self) -> Lowered:
        """Its inference graph, of any batch."""

    @abstractmethod
    def metadata(self) -> dict[str, str]:
        """What its exported model says about where it comes from."""

    @abstractmethod
    def keep(self, folder: RunFolder) -> None:
        """Write into a folder what `ModelAdapter` needs to be made again. Raises OSError."""

    @property
    def volume(self) -> Volume | None:
        """Channels, layers, height and width, where it takes volumes of a fixed size."""
        shape = next(iter(self.inputs.values()))
        if len(self.inputs) != 1 or len(shape.space) != 3 or not shape.is_concrete:
            return None
        depth, height, width = shape.sizes
        return shape.channels, depth, height, width

    def picture(self, preprocessing: Preprocessing) -> PictureInput:
        """What it takes. Raises UsageError unless it is a picture or volume of a fixed size."""
        if len(self.inputs) != 1:
            names = ", ".join(f"`{name}`" for name in self.inputs)
            raise UsageError(
                f"{self.name} has {len(self.inputs)} inputs ({names}); pictures go into one"
            )
        ((name, shape),) = self.inputs.items()
        if len(shape.space) not in (2, 3):
            raise UsageError(f"input `{name}` is {shape}, which is neither picture nor volume")
        if self.volume:
            channels, depth, height, width = self.volume
            wide = channels * depth
            return PictureInput(name, "float32", wide, height, width, False, preprocessing, depth)
        if not shape.is_concrete:
            size = f"{shape.channels}@224x224"
            raise UsageError(f"input `{name}` is {shape}: say a size, as in --input {size}")
        height, width = shape.sizes
        if width in COLOURS and shape.channels not in COLOURS:
            raise UsageError(
                f"input `{name}` of {self.name} takes its channels last ({shape.channels}x{height}x"
                f"{width}), and training has them first: `cnndsl import` makes a spec that trains"
            )
        return PictureInput(name, "float32", shape.channels, height, width, False, preprocessing)


@dataclass(frozen=True)
class SpecAdapter(ModelAdapter):
    """A net of the language; `text` is what the user wrote."""

    network: Network
    text: str

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return {i.name: i.shape for i in self.network.inputs}

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        """Those of training heads included."""
        found: dict[str, Parameter] = {}
        for step in self.network.steps:
            for parameter in step.layer.parameters(*self.network.input_shapes(step)):
                found.setdefault(f"{step.owner}.{parameter.name}", parameter)
        return found

    @property
    def has_norms(self) -> bool:
        return any(step.layer.word in _NORMS for step in self.network.steps)

    @property
    def reconstructs(self) -> bool:
        return any(name in self.inputs for term in self.network.loss for name in term.arguments)

    @property
    def wants_targets(self) -> bool:
        terms = self.network.loss
        return not terms or any(term.takes_classes or TARGET in term.arguments for term in terms)

    @property
    def wants_numbers(self) -> bool:
        terms = self.network.loss
        classes = any(term.takes_classes for term in terms)
        return not classes and any(TARGET in term.arguments for term in terms)

    @property
    def answer(self) -> str | None:
        """The first value in the loss that is no input, or another output of its shape."""
        outputs, shapes = self.network.outputs, self.network.shapes
        compared = [n for t in self.network.loss for n in t.arguments if n not in self.inputs]
        first = next((name for name in compared if name in shapes), outputs[0])
        named = dict(zip(outputs, output_names(self.network), strict=True))
        same = [name for name in outputs if shapes[name] == shapes[first]]
        return named[first if first in same else same[0]] if same else None

    @property
    def weighed(self) -> Network:
        return self.network

    @property
    def described(self) -> str:
        settings = ", ".join(f"{n}={value}" for n, value in self.network.settings.items())
        return f"{self.network.name}({settings})" if settings else self.network.name

    def graphs(
        self, batch: int, trainable: Trainable, recipe: Recipe, planner: Planner
    ) -> TrainingGraphs:
        terms = self.network.loss
        if recipe.clean:
            terms = [self._with_clean(term) for term in terms]
        return build_training(
            self.network, batch, trainable=trainable, loss=terms, recipe=recipe, planner=planner
        )

    def _with_clean(self, term: LossTerm) -> LossTerm:
        """The term with targets, which come last, in the place of what went in."""
        names = [TARGET if name in self.inputs else name for name in term.arguments]
        return term.model_copy(update={"arguments": tuple(sorted(names, key=TARGET.__eq__))})

    def start(self, rule: str, seed: int) -> dict[str, Float]:
        draw = initial_weights(self.network, rule, seed)
        return {
            name: np.concatenate(list(draw(name, p))).reshape(p.shape)
            for name, p in self.parameters.items()
        }

    def lowered(self) -> Lowered:
        return lower(self.network)

    def metadata(self) -> dict[str, str]:
        return {
            "cnndsl.language": "1",
            "cnndsl.spec_sha256": sha256(self.text.encode()).hexdigest(),
            "cnndsl.settings": json.dumps(dict(self.network.settings)),
        }

    def keep(self, folder: RunFolder) -> None:
        for path, text in ((folder.spec, self.text), (folder.network, flat(self.network))):
            with replaced(path) as file:
                file.write(text.encode())


@dataclass(frozen=True)
class OnnxAdapter(ModelAdapter):
    """An ONNX model that may come from anywhere, in the file `path`."""

    external: ExternalModel
    path: Path

    @property
    def inputs(self) -> Mapping[str, Shape]:
        return {name: Shape(s[0], tuple(s[1:])) for name, s in self.external.inputs.items()}

    @property
    def parameters(self) -> Mapping[str, Parameter]:
        return self.external.parameters

    @property
    def has_norms(self) -> bool:
        return any(p.role == "statistic" for p in self.external.parameters.values())

    @property
    def weighed(self) -> Mapping[str, Parameter]:
        return self.external.parameters

    @property
    def described(self) -> str:
        return self.name

    def graphs(
        self, batch: int, trainable: Trainable, recipe: Recipe, planner: Planner
    ) -> TrainingGraphs:
        return build_external_training(
            self.external, batch, trainable=trainable, recipe=recipe, planner=planner
        )

    def start(self, rule: str, seed: int) -> dict[str, Float]:
        return dict(self.external.values)

    def lowered(self) -> Lowered:
        return external_evaluation(self.external)

    def metadata(self) -> dict[str, str]:
        return {}

    def keep(self, folder: RunFolder) -> None:
        shutil.copyfile(self.path, folder.model)
        for location in external_locations(self.path):  # checked to lie beside the model
            target = folder.path / location
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.path.parent / location, target)


def spec_adapter(network: Network, text: str) -> SpecAdapter:
    """A net of the language, whose weights are yet to come."""
    return SpecAdapter(network.name, None, None, network, text)


def model_adapter(path: Path, inputs: Mapping[str, Sequence[int]]) -> OnnxAdapter:
    """An ONNX model with what it says about itself. Raises UsageError."""
    from cnndsl.runtime.model import open_model

    opened = open_model(path)  # looks at where its weights lie, too
    external = read_external(path, inputs)
    _check_same(path, external)
    return OnnxAdapter(path.stem, opened.preprocessing, opened.labels, external, path)


def _check_same(path: Path, external: ExternalModel) -> None:
    """Raise UsageError unless what is trained begins as the function that the file holds.

    On its way here it was brought to another version of ONNX's operators, and sizes were folded.
    """
    original = read_graph(path)
    theirs = open_session(original.as_bytes(), optimise=False)
    ours = open_session(
        skeleton(external_evaluation(external), as_inputs=True).SerializeToString(), optimise=False
    )
    random = np.random.default_rng(0)
    ports = {port.name: port for port in theirs.get_inputs()}
    batch = next((n for p in ports.values() if isinstance(n := p.shape[0], int) and n > 0), 2)
    feeds = {
        name: random.standard_normal((batch, *sizes)).astype(np.float32)
        for name, sizes in external.inputs.items()
    }
    given = {name: a.astype(NUMPY_TYPES[ports[name].type]) for name, a in feeds.items()}
    try:
        expected = run_session(theirs, [port.name for port in original.outputs], given)
    except UsageError:
        return  # it wants another batch; nothing can be compared
    made = run_session(
        ours, [port.name for port in ours.get_outputs()], {**feeds, **external.values}
    )
    for (name, values), result in zip(expected.items(), made.values(), strict=True):
        differs = difference(values, result, original.has_halves)
        if differs:
            raise UsageError(
                f"`{path}` can't be trained as it is: brought to opset {OPSET}, its output "
                f"`{name}` {differs}; `cnndsl import` makes a spec of it, which can"
            )
