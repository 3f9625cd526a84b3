"""The totals of a report in words, as the terminal, Markdown and the page show them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from textwrap import wrap

from cnndsl.show.figures import UNKNOWN, grouped, scaled, size
from cnndsl.show.report import Report

Total = tuple[str, str, str]
"""What it is, the figure, and its convention."""


def totals(report: Report) -> list[Total]:
    """Every total with what it means."""
    sums, memory = report.totals, report.memory
    running = f" with {sums.statistics:,} running statistics" if sums.statistics else ""
    stored = f"{size(sums.weight_bytes)} in float32{running}"
    peak = size(memory.peak_activations) if memory else UNKNOWN
    moment = f" ({memory.peak_step})" if memory else ""
    kept = size(memory.kept_activations) if memory else UNKNOWN
    rows = [
        ("parameters", grouped(sums.params), f"trained numbers, each tensor once: {stored}"),
        (
            "MACs",
            grouped(sums.macs),
            "multiply-adds of convolutions and dense layers, for one example",
        ),
        (
            "FLOPs",
            grouped(sums.flops),
            f"2·MACs and {scaled(report.other_operations)} other operations, for one example",
        ),
        (
            "inference",
            size(memory.inference) if memory else UNKNOWN,
            f"batch {report.batch:,}: weights, {peak} of outputs at the worst moment{moment}",
        ),
        (
            "training",
            size(memory.training) if memory else UNKNOWN,
            f"batch {report.batch:,}: weights, gradients, Adam's moments, {kept} of outputs kept",
        ),
    ]
    if report.limit is not None:
        at_inference, in_training = (
            grouped(memory.largest_batch(report.limit, training)) if memory else UNKNOWN
            for training in (False, True)
        )
        meaning = f"in training within {report.limit_text}; {at_inference} at inference"
        rows.append(("largest batch", in_training, meaning))
    return rows


def definitions(rows: Sequence[Total], width: int, bold: Callable[[str], str] = str) -> list[str]:
    """`parameters   61,706   what they are`, the last part wrapped."""
    first, second = (max(len(row[i]) for row in rows) for i in (0, 1))
    margin = first + second + 5
    lines: list[str] = []
    for name, figure, meaning in rows:
        start = f"{name:{first}}  {bold(figure.rjust(second))}   "
        wrapped = wrap(meaning, max(width - margin, 24))
        lines.append(start + wrapped[0])
        lines += [" " * margin + line for line in wrapped[1:]]
    return lines
