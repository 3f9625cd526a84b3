"""Values from outside: `--set classes=10` for the net's parameters, `--input 3@320x320`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from cnndsl.diagnostics import did_you_mean
from cnndsl.elaborate.arithmetic import LARGEST_NUMBER, normal
from cnndsl.elaborate.construction import Construction
from cnndsl.elaborate.context import UNKNOWN, Context, LayerWord, Meaning, Unknown
from cnndsl.elaborate.expressions import Evaluator
from cnndsl.elaborate.names import check_name
from cnndsl.shape import Shape
from cnndsl.source import Span
from cnndsl.syntax import tree

Setting = int | float | str


class Settings:
    """The parameters of a net with the values in force."""

    def __init__(self, build: Construction, given: Mapping[str, Setting]):
        self.build, self.given = build, dict(given)
        self.values: dict[str, Setting] = {}
        self._names: set[str] = set()
        self._unread: set[str] = set()

    def declare(self, context: Context, parameter: tree.Parameter) -> Meaning:
        """What a parameter of the net stands for; UNKNOWN after a reported error."""
        name, span = parameter.name, parameter.span
        if name in self._names:
            message = f"the net has two parameters `{name}`"
            self.build.error(context, span, "name-taken", message, "choose another name")
            return UNKNOWN
        self._names.add(name)
        if not check_name(self.build, context, name, span):
            return UNKNOWN
        evaluate = Evaluator(self.build, context)
        if name in self.given:
            meaning = self._given(context, evaluate, parameter, self.given[name])
        elif parameter.default is None:
            message = f"the net's parameter `{name}` has no value"
            help = f"give it a default, as in `{name}=10`, or a value by `--set {name}=10`"
            self.build.error(context, span, "missing-setting", message, help)
            return UNKNOWN
        else:
            try:
                meaning = evaluate.meaning(parameter.default)
            except Unknown:
                return UNKNOWN
        if isinstance(meaning, LayerWord):
            self.values[name] = meaning.text
        elif isinstance(meaning, int | float):
            self.values[name] = meaning
        return meaning

    def _given(
        self, context: Context, evaluate: Evaluator, parameter: tree.Parameter, setting: Setting
    ) -> Meaning:
        if isinstance(setting, str):
            word, *numbers = setting.split() or [""]
            found = evaluate.known(word)
            if isinstance(found, LayerWord) and all(map(_is_number, numbers)):
                return LayerWord(found.name, (*found.numbers, *map(_number, numbers)))
        elif math.isfinite(setting) and abs(setting) <= LARGEST_NUMBER:
            return int(setting) if setting == int(setting) else setting
        message = f"`{str(setting)[:40]}`, given for `{parameter.name}`, is no number and no layer"
        help = f"write a number, as in `--set {parameter.name}=10`, or the name of a layer"
        self.build.error(context, parameter.span, "bad-setting", message, help)
        return UNKNOWN

    def expect(self, words: Iterable[str]) -> None:
        """Names that a line may have declared that wasn't read."""
        self._unread.update(words)

    def check(self, context: Context, span: Span) -> None:
        """Report values given for parameters that the net doesn't have."""
        for name in self.given:
            if name not in self._names | self._unread:
                listed = ", ".join(f"`{n}`" for n in sorted(self._names))
                message = f"the net has no parameter `{name[:40]}` to set"
                help = did_you_mean(name, self._names, f"it has {listed or 'none'}")
                self.build.error(context, span, "unknown-setting", message, help)


def _number(text: str) -> int | float:
    return normal(float(text))


def _is_number(text: str) -> bool:
    """Whether it is a layer's number as a spec may say it: without a sign."""
    try:
        return math.isfinite(float(text)) and not text.startswith(("+", "-"))
    except ValueError:
        return False


def check_input_names(
    build: Construction, context: Context, span: Span, given: Mapping[str, Shape], names: set[str]
) -> None:
    """Report shapes given for inputs that the net doesn't have."""
    for name in given:
        if name and name not in names:
            message = f"the net has no input `{name[:40]}` to give another shape"
            help = did_you_mean(name, names, f"it has {', '.join(f'`{n}`' for n in sorted(names))}")
            build.error(context, span, "unknown-input", message, help)
