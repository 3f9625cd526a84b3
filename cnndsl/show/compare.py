"""Nets, or variants of one, side by side; every figure with its ratio to the first net's."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from cnndsl.analyse import Analysis, ReceptiveField
from cnndsl.network import Network, Step
from cnndsl.printing import json_text
from cnndsl.show.data import Json, sizes
from cnndsl.show.figures import UNKNOWN, grouped, ratio, size
from cnndsl.show.report import CONVENTIONS, open_sizes, usual_inputs
from cnndsl.show.table import Column, full_width, give_way, markdown_rows, text_row, widths

VERSION = 1
WIDTH = 100

DEPTH = "convolutions and dense layers on the longest path"
FIELD = "receptive field of the last map that doesn't see everything, in input pixels"


@dataclass(frozen=True, slots=True)
class Side:
    """One net of a comparison, by the name it was asked for."""

    name: str
    analysis: Analysis
    batch: int
    limit: int | None = None
    """The bytes whose largest batches are wanted."""
    limit_text: str = ""

    @property
    def network(self) -> Network:
        """The net."""
        return self.analysis.network

    def figures(self) -> dict[str, int | None]:
        """What is compared, by its name in JSON; None where it is unknown."""
        totals, memory = self.analysis.totals, self.analysis.memory(self.batch)
        figures = {
            "layers": len(self.network.without_heads()),
            "depth": depth(self.network),
            "params": totals.params,
            "macs": totals.macs,
            "flops": totals.flops,
            "weight_bytes": totals.weight_bytes,
            "peak_activation_bytes": memory.peak_activations if memory else None,
            "inference_bytes": memory.inference if memory else None,
            "training_bytes": memory.training if memory else None,
        }
        if self.limit is not None:
            for key, training in (("training_batch", True), ("inference_batch", False)):
                figures[key] = memory.largest_batch(self.limit, training) if memory else None
        return figures

    def receptive_field(self) -> ReceptiveField | None:
        """Of the last map on the way to the outputs that doesn't see everything."""
        for row in reversed(self.analysis.rows):
            field = row.receptive_field
            if row.step.head is None and field and field.axes and not field.everything:
                return field
        return None


Row = tuple[str, str, Callable[[int | None], str], str]
"""Name in JSON, name for people, how it is written, what it means."""

ROWS: tuple[Row, ...] = (
    ("layers", "layers", grouped, "steps of inference"),
    ("depth", "depth", grouped, DEPTH),
    ("params", "parameters", grouped, CONVENTIONS["params"]),
    ("macs", "MACs", grouped, CONVENTIONS["macs"]),
    ("flops", "FLOPs", grouped, CONVENTIONS["flops"]),
    ("weight_bytes", "weights", size, CONVENTIONS["weight_bytes"]),
    ("peak_activation_bytes", "outputs", size, "alive at the worst moment of inference, float32"),
    ("inference_bytes", "inference", size, CONVENTIONS["inference"]),
    ("training_bytes", "training", size, CONVENTIONS["training"]),
)


def figure_rows(sides: Sequence[Side]) -> tuple[Row, ...]:
    """Return the rows of figures; those of the largest batches where a limit was given."""
    if sides[0].limit is None:
        return ROWS
    fits = f"fits into {sides[0].limit_text}"
    return (
        *ROWS,
        ("training_batch", "train batch", grouped, f"the largest batch whose training {fits}"),
        ("inference_batch", "infer batch", grouped, f"the largest batch whose inference {fits}"),
    )


def depth(network: Network) -> int:
    """Layers with weights on the longest path through the net, without training heads."""
    found: dict[str, int] = {}
    for step in network.without_heads():
        before = max((found.get(name, 0) for name in step.inputs), default=0)
        found[step.name] = before + _has_weights(network, step)
    return max((found.get(name, 0) for name in network.outputs), default=0)


def _has_weights(network: Network, step: Step) -> bool:
    parameters = step.layer.parameters(*network.input_shapes(step))
    return any(parameter.role == "weight" for parameter in parameters)


def as_text(sides: Sequence[Side], width: int = WIDTH) -> str:
    """A table, in several parts where there are many nets, and what its rows mean."""
    parts: list[str] = []
    rows = _rows(sides)
    columns = _columns(sides)
    start = 1
    while start < len(columns):
        end = start + 1
        while end < len(columns) and _fits(columns, rows, [0, *range(start, end + 1)], width):
            end += 1
        chosen = [0, *range(start, end)]
        parts.append("\n".join(_part(columns, rows, chosen, width)))
        start = end
    return "\n\n".join([*parts, "\n".join(_meanings(sides, width))])


def _columns(sides: Sequence[Side]) -> list[Column]:
    return [Column(""), *(Column(title, "right", least=16) for title in _titles(sides))]


def _titles(sides: Sequence[Side]) -> list[str]:
    """What columns are called: files without folder and suffix, where that tells them apart."""
    names = [side.name for side in sides]
    short = [name.rpartition("/")[2].replace(".cnn", "") for name in names]
    return short if len(set(short)) == len(set(names)) else names


def _rows(sides: Sequence[Side]) -> list[list[str]]:
    figures = [side.figures() for side in sides]
    rows = [
        ["input", *(" ".join(str(i.shape) for i in s.network.inputs) for s in sides)],
        ["output", *(" ".join(_output_shapes(s.network)) for s in sides)],
    ]
    for key, title, shown, _ in figure_rows(sides):
        first = figures[0][key]
        cells = [shown(figures[0][key])]
        cells += [f"{shown(f[key])}  {ratio(f[key], first):>6}" for f in figures[1:]]
        rows.append([title, *cells])
    fields = [str(s.receptive_field() or UNKNOWN) for s in sides]
    return [*rows, ["sees", fields[0], *(f"{field}  {'':6}" for field in fields[1:])]]


def _output_shapes(network: Network) -> list[str]:
    return [str(network.shapes[name]) for name in network.outputs]


def _fits(columns: list[Column], rows: list[list[str]], chosen: list[int], width: int) -> bool:
    picked = [columns[i] for i in chosen]
    found = widths(picked, [[row[i] for i in chosen] for row in rows])
    return full_width(found) <= width


def _part(columns: list[Column], rows: list[list[str]], chosen: list[int], width: int) -> list[str]:
    picked = [columns[i] for i in chosen]
    cells = [[row[i] for i in chosen] for row in rows]
    found = give_way(picked, widths(picked, cells), width)
    rule = "─" * min(full_width(found), width)
    title = text_row(picked, [c.title for c in picked], found)
    return [title, rule, *(text_row(picked, row, found) for row in cells), rule]


def _meanings(sides: Sequence[Side], width: int) -> list[str]:
    shown = figure_rows(sides)
    names = max(len(title) for _, title, _, _ in shown)
    batch = f" (batch {sides[0].batch:,})"
    lines: list[str] = []
    for key, title, _, meaning in (*shown, ("", "sees", str, FIELD)):
        at_batch = batch if key in ("inference_bytes", "training_bytes") else ""
        first, *more = wrap(meaning + at_batch, width - names - 2)
        lines.append(f"{title:{names}}  {first}")
        lines += [" " * (names + 2) + line for line in more]
    for side in sides:
        if open_sizes(side.network):
            shapes = ",".join(str(shape) for shape in usual_inputs(side.network).values())
            mark = "," if ":" in side.name else ":"
            text = f"?: depends on a size that isn't fixed; `{side.name}{mark}{shapes}` gives one"
            lines.append(text)
    return lines


def as_markdown(sides: Sequence[Side]) -> str:
    """A table for a repository."""
    columns = [*_columns(sides), Column("meaning")]
    meanings = ["", "", *(meaning for *_, meaning in figure_rows(sides)), FIELD]
    rows = [[*row, meaning] for row, meaning in zip(_rows(sides), meanings, strict=True)]
    return "\n".join(markdown_rows(columns, [[" ".join(c.split()) for c in row] for row in rows]))


def as_csv(sides: Sequence[Side]) -> str:
    """A line a net; `?` is what isn't known."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    keys = [key for key, *_ in figure_rows(sides)]
    writer.writerow(["name", "network", *keys, "receptive_field"])
    for side in sides:
        figures = side.figures()
        shown = [UNKNOWN if figures[key] is None else figures[key] for key in keys]
        field = side.receptive_field() or UNKNOWN
        writer.writerow([side.name, side.network.name, *shown, field])
    return text.getvalue().rstrip("\n")


def as_json(sides: Sequence[Side]) -> str:
    """All figures and their ratios to the first net's; null is what isn't known."""
    first = sides[0].figures()
    nets: list[Json] = []
    for side in sides:
        figures = side.figures()
        nets.append(
            {
                "name": side.name,
                "network": side.network.name,
                "settings": dict(side.network.settings),
                "inputs": [{"name": i.name, "shape": sizes(i.shape)} for i in side.network.inputs],
                **figures,
                "receptive_field": str(side.receptive_field() or "") or None,
                "ratios": {key: _ratio(figures[key], first[key]) for key in figures},
            }
        )
    meanings = {key: meaning for key, _, _, meaning in figure_rows(sides)}
    meanings["receptive_field"] = FIELD
    data = {"version": VERSION, "batch": sides[0].batch, "nets": nets, "conventions": meanings}
    return json_text(data, indent=2)


def _ratio(figure: int | None, first: int | None) -> float | None:
    return None if figure is None or not first else round(figure / first, 6)
