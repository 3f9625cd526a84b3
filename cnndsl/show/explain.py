"""One layer's arithmetic as a textbook writes it."""

from __future__ import annotations

import re
from inspect import cleandoc
from textwrap import wrap

from cnndsl.analyse import Analysis, Row
from cnndsl.diagnostics import UsageError, did_you_mean
from cnndsl.layers.windows import axis_names
from cnndsl.show import words
from cnndsl.show.arithmetic import operations, parameters, products
from cnndsl.show.entries import slid_window
from cnndsl.show.figures import UNKNOWN, percent, signed, size

WIDTH = 100
WINDOWS = (
    "source: Dumoulin, Visin 2016, A guide to convolution arithmetic for deep learning, "
    "arXiv:1603.07285"
)
FIELDS = (
    "source: Araujo, Norris, Sim 2019, Computing Receptive Fields of Convolutional Neural "
    "Networks, doi:10.23915/distill.00021"
)
RULE = re.compile(r"\b(Size|Output|Parameters|MACs|FLOPs|Source)\b[^.]{0,24}:|\bFLOPs: ")
KEPT = {
    "input": "what it got",
    "output": "its output",
    "indices": "8 bytes an output value for the places of the maxima",
    "mask": "1 byte an output value",
}
"""What the backward pass needs again, in words."""


def explain(analysis: Analysis, name: str) -> str:
    """Shape, parameters, work, receptive field and memory of a layer, step by step.

    A name may be cut off in front where that is unambiguous. Raises UsageError for any other.
    """
    row = find_row(analysis, name)
    sections = [
        _heading(analysis, row),
        _section("shape", [_in_and_out(row), *_shape(row)]),
        _section("parameters", _parameters(analysis, row)),
        _section("multiply-adds", _macs(analysis, row)),
        _section("operations", operations(row)),
        _section("receptive field", _field(analysis, row)),
        _section("memory", _memory(row)),
        _section("rule", _rule(row)),
    ]
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def find_row(analysis: Analysis, name: str) -> Row:
    """The layer of that name, which may be cut off in front. Raises UsageError."""
    names = [row.name for row in analysis.rows]
    found = [n for n in names if n == name] or [n for n in names if n.endswith(f".{name}")]
    if len(found) == 1:
        row = analysis.row(found[0])
        assert row is not None
        return row
    inside = [n for n in names if n.startswith(f"{name}.")]
    if found:
        listed = ", ".join(f"`{n}`" for n in found[:3])
        raise UsageError(
            f"{len(found)} layers end in `{name}`: {listed}, …; write more of the name"
        )
    if inside:
        raise UsageError(f"`{name}` is a block; explain one of its layers, such as `{inside[0]}`")
    hint = did_you_mean(name, names, "`cnndsl report` lists them")
    raise UsageError(f"there is no layer `{name}`; {hint}")


def _heading(analysis: Analysis, row: Row) -> list[str]:
    origin = row.step.origin
    text = words.lines(analysis.network)[row.name]
    calls = [f"  from `{' '.join(f.text.split())}` at {f.place}" for f in origin.frames]
    return [f"{row.name}: {text}", f"  at {origin.span.place}", *calls]


def _section(title: str, lines: list[str]) -> list[str]:
    wrapped = [part for line in lines for part in wrap(line, WIDTH - 2, subsequent_indent="  ")]
    return [title, *(f"  {line}" for line in wrapped)]


def _in_and_out(row: Row) -> str:
    named = (f"{shape} ({name})" for name, shape in zip(row.step.inputs, row.inputs, strict=True))
    return f"{' and '.join(named)} → {row.output}"


def _shape(row: Row) -> list[str]:
    lines = row.layer.explain(row.inputs, row.output)
    if not lines:
        return ["the shape stays"] if row.output in row.inputs else []
    return [*lines, WINDOWS] if slid_window(row) else lines


def _parameters(analysis: Analysis, row: Row) -> list[str]:
    if row.step.shares is not None:
        return [f"none of its own: it uses those of `{row.step.shares}`, which are counted there"]
    lines = parameters(row)
    if row.params and row.step.head is None:
        lines.append(f"{percent(row.params, analysis.totals.params)} of the net's parameters")
    return lines


def _macs(analysis: Analysis, row: Row) -> list[str]:
    if row.macs is None:
        return [f"{UNKNOWN}: the sizes aren't fixed; give them by --input"]
    lines = products(row)
    if row.macs and row.step.head is None:
        lines.append(f"{percent(row.macs, analysis.totals.macs)} of the net's multiply-adds")
    return lines


def _field(analysis: Analysis, row: Row) -> list[str]:
    from cnndsl.analyse.receptive import own_pixel, union

    field = row.receptive_field
    if field is None:
        return [UNKNOWN]
    ranks = {i.name: i.shape.rank for i in analysis.network.inputs}
    fields = {name: own_pixel(rank) for name, rank in ranks.items()}
    fields |= {r.name: r.receptive_field for r in analysis.rows if r.receptive_field}
    read = [fields[name] for name in row.step.inputs[: row.layer.reads]]
    below = union(read)
    if field.everything:
        before = " as what it gets does" if below.everything else ""
        return [f"every value depends on the whole input{before}"]
    if not field.axes:
        return ["each value sees its own input alone"]
    seen = row.layer.receptive_field(row.inputs, row.output)
    lines: list[str] = []
    if len(read) > 1:
        lines.append(f"of {len(read)} values that see {', '.join(map(str, read))}: their union")
    if seen == "everything" or not seen:
        axis = field.axes[0]
        lines.append(
            f"size {signed(axis.size)}, jump {signed(axis.step)}, offset {signed(axis.start)}"
            f"{', as before' if len(read) == 1 else ''}"
        )
        return lines
    steps = list(zip(below.axes, seen, field.axes, strict=True))
    alike = steps.count(steps[0]) == len(steps)
    names = axis_names(len(steps))
    for name, (axis, step, result) in zip(names, steps[:1] if alike else steps, strict=False):
        which = "" if alike else f" along the {name}"
        jump = signed(axis.step)
        start = signed(step.start)
        shift = f"({start})" if step.start < 0 else start
        size = f"{axis.size} + ({step.size} − 1)·{jump} = {result.size}"
        offset = f"{signed(axis.start)} + {shift}·{jump} = {signed(result.start)}"
        if len(axis.views) > 1 or len(step.views) > 1:
            size = f"{result.size} at most, counted for {len(result.views)} neighbours"
            offset = signed(result.start)
        lines += [
            f"size{which}: {size}",
            f"jump{which}: {jump}·{signed(step.step)} = {signed(result.step)}",
            f"offset{which}: {offset}",
        ]
    return [*lines, FIELDS]


def _memory(row: Row) -> list[str]:
    lines: list[str] = []
    if row.weight_bytes:
        stored = row.params + row.statistics
        lines.append(f"weights: {stored:,}·4 bytes = {_bytes(row.weight_bytes)}")
    if row.activation_bytes is None:
        lines.append(f"output: {UNKNOWN}, the sizes aren't fixed")
    else:
        product = "·".join(map(str, row.output))
        lines.append(f"output: {product}·4 bytes = {_bytes(row.activation_bytes)} an example")
    kept = [meaning for kind, meaning in KEPT.items() if kind in row.layer.keeps]
    lines.append(f"kept for the backward pass: {', '.join(kept) or 'nothing'}")
    return lines


def _bytes(count: int) -> str:
    return f"{count:,}" if count < 1024 else f"{count:,} ({size(count)})"


def _rule(row: Row) -> list[str]:
    """What the layer's reference page says about sizes and costs, with its source."""
    paragraphs = cleandoc(type(row.layer).__doc__ or "").split("\n\n")
    texts = [" ".join(p.split()) for p in paragraphs if not p.startswith("- ")]
    found = [text for text in texts if RULE.search(text)]
    return [*found, f"`cnndsl explain {row.layer.word}` shows the whole page"]
