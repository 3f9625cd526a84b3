"""Training a new head on features that a frozen net made once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cnndsl.data.loader import Loader
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import PictureInput
from cnndsl.runtime.session import Array
from cnndsl.training.adapters import spec_adapter
from cnndsl.training.assembly import Training
from cnndsl.training.config import Config
from cnndsl.training.error_analysis import Misclassification
from cnndsl.training.finishing import SAMPLE
from cnndsl.training.layout import Float
from cnndsl.training.schedules import Moment
from cnndsl.training.tasks import Task
from cnndsl.training.train_step import NotFiniteError
from cnndsl.transfer.heads import Renewed
from cnndsl.transfer.vectors import Part, as_data, scaling

_Change = Callable[[Float, Float], tuple[Float, Float]]


class FeatureTraining(Training):
    """A training whose steps are done on a head and on vectors; all else is about the whole net.

    `base` are the values of all that isn't the head's. Splits without a picture that can be read
    are left out.
    """

    def __init__(
        self,
        config: Config,
        task: Task,
        renewed: Renewed,
        parts: Mapping[str, Part],
        base: Mapping[str, Float],
        kept: Path | None = None,
        steps: int = 0,
    ):
        self.renewed, self.parts, self.base = renewed, parts, base
        self.scaling = scaling(parts["train"].vectors)
        splits = {name: split for name, split in task.data.splits.items() if name in parts}
        task = replace(task, data=replace(task.data, splits=splits))
        readable = len(parts["train"].vectors)
        config = config.with_training(batch=min(config.training.batch, readable))
        head = renewed.head()
        entry = head.inputs[0]
        plain = Preprocessing(scale=1.0, crop="stretch")
        picture = PictureInput(entry.name, "float32", entry.shape.channels, 1, 1, False, plain)
        data = as_data(task.data, parts, self.scaling)
        inner = Task(spec_adapter(head, ""), data, picture, None)
        super().__init__(config, task, kept, steps, inner)

    def begin(self) -> None:
        """Put the head where it begins: a linear one at 0, where all classes are alike."""
        config = self.config
        plain = config.transfer is None or config.transfer.head != "mlp"
        rule = "zeros" if plain else config.model.init
        self.weights.write(self.inner.adapter.start(rule, config.training.seed))

    def fitted(self) -> dict[str, Float]:
        """The whole net's weights after a training without a folder. Raises UsageError."""
        self.begin()
        choice, steps = self.config.training, self.epoch_steps
        for epoch in range(choice.epochs):
            for number, batch in enumerate(self.feed.epoch(epoch, 0), epoch * steps):
                moment = Moment(number, choice.epochs * steps, steps)
                try:
                    self.train_step.step([batch], self.rate.at(moment), number)
                except NotFiniteError as e:
                    raise UsageError(
                        f"no new head can be fitted to what the net makes of the pictures: "
                        f"{e.at(number)}"
                    ) from None
        values = self.whole(self.weights.read())
        return {name: values[name].copy() for name in values}

    def whole(self, values: Mapping[str, Float]) -> Mapping[str, Float]:
        return {**self.base, **self._first(values, self.scaling.unfolded)}

    def load(self, values: Mapping[str, Float]) -> None:
        mine = {name: values[name] for name in self.renewed.new}
        super().load(self._first(mine, self.scaling.folded))

    def _first(self, values: Mapping[str, Float], change: _Change) -> dict[str, Float]:
        """The head's values, those of its first layer changed."""
        weight, bias = (f"{self.renewed.first.name}.{name}" for name in ("weight", "bias"))
        changed = change(values[weight], values[bias])
        return {**values, weight: changed[0], bias: changed[1]}

    def sample(self) -> tuple[Array, Array | None]:
        part = self.parts["train"]
        drawn = self.feed.loader.numbers(0)[0][:SAMPLE]  # as the first batch of vectors is
        return self._pictures("train", part.numbers[drawn]), part.targets[drawn]

    def shown(self, split: str, errors: Sequence[Misclassification]) -> list[Array]:
        if not errors:
            return []
        numbers = self.parts[split].numbers[[error.number for error in errors]]
        return list(self._pictures(split, numbers))

    def _pictures(self, split: str, numbers: Array) -> Array:
        """Pictures of a split as the net takes them."""
        part = self.task.data[split].part(numbers)
        with Loader(part, self.task.picture, batch=len(numbers)) as loader:
            return next(loader.epoch()).images
