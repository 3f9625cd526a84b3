"""A report: everything its formats show, gathered once."""

from __future__ import annotations

from dataclasses import dataclass

from cnndsl.analyse import Analysis, Memory, Totals
from cnndsl.network import Network
from cnndsl.shape import Dim, Shape, Symbolic
from cnndsl.show.entries import Entry, entries
from cnndsl.show.figures import size

CONVENTIONS = {
    "params": "trained numbers, each tensor once however often it is used",
    "statistics": "running statistics: stored, but neither trained nor counted as parameters",
    "macs": "multiply-adds of convolutions and dense layers alone, for one example",
    "flops": "operations of every kind, 2 for a multiply-add, for one example",
    "other_operations": "FLOPs − 2·MACs: bias, norm, activation, pooling, elementwise",
    "weight_bytes": "parameters and running statistics in float32",
    "activation_bytes": "a layer's output in float32, for one example",
    "peak_activation_bytes": "outputs alive at the worst moment of inference, for one example; "
    "elementwise layers without parameters overwrite their input",
    "receptive_field": "input pixels that a value can depend on, along each axis: size, jump from "
    "one value to the next, and offset of the first (negative: in the padding)",
    "inference": "weights and the outputs alive at the worst moment",
    "training": "weights, gradients, Adam's two moments, outputs that the backward pass reads "
    "again, and the largest pair of gradients in flight",
}
"""What every figure means, in every format."""

SUGGESTED_SIZE = 224


@dataclass(frozen=True, slots=True)
class Report:
    """What all formats show.

    `layers` are those of inference, `heads` those that exist in training only, `largest_macs` is
    what the longest bar stands for. `memory` is at `batch` and None where a size isn't fixed;
    `limit` are the bytes of a device to fill, where that was asked, and `limit_text` is how they
    were put. `taken` says which sizes were taken for those that the spec leaves open.
    """

    analysis: Analysis
    place: str
    layers: tuple[Entry, ...]
    largest_macs: int
    heads: dict[str, tuple[Entry, ...]]
    memory: Memory | None
    batch: int
    limit: int | None
    limit_text: str
    taken: str = ""

    @property
    def network(self) -> Network:
        """The net."""
        return self.analysis.network

    @property
    def totals(self) -> Totals:
        """Sums over the layers of inference."""
        return self.analysis.totals

    @property
    def peak_activation_bytes(self) -> int | None:
        """Outputs alive at the worst moment, for one example."""
        return self.memory.peak_activations // self.batch if self.memory else None

    @property
    def other_operations(self) -> int | None:
        """FLOPs that are no part of a multiply-add, for one example."""
        if self.totals.flops is None or self.totals.macs is None:
            return None
        return self.totals.flops - 2 * self.totals.macs

    @property
    def symbols(self) -> tuple[str, ...]:
        """The names of sizes that aren't fixed."""
        return open_sizes(self.network)

    def notes(self) -> list[str]:
        """What the reader must know: conditions on sizes, and what would fix them."""
        notes = [self.taken] if self.taken else []
        notes += [str(condition) for condition in self.network.conditions]
        if self.symbols:
            options = " ".join(f"--input {text}" for text in self._fixed_inputs())
            *first, last = self.symbols
            names = f"{', '.join(first)} and {last}" if first else last
            verb = "aren't" if len(self.symbols) > 1 else "isn't"
            notes.append(f"? depends on {names}, which {verb} fixed: give them by `{options}`")
        return notes

    def _fixed_inputs(self) -> list[str]:
        """Inputs as `--input` takes them, with usual sizes."""
        fixed = usual_inputs(self.network)
        return [f"{n}={shape}" if len(fixed) > 1 else str(shape) for n, shape in fixed.items()]


def open_sizes(network: Network) -> tuple[str, ...]:
    """The names of sizes that aren't fixed."""
    sizes = [size for i in network.inputs for size in i.shape.space]
    return tuple(dict.fromkeys(s.name for s in sizes if isinstance(s, Symbolic)))


def usual_inputs(network: Network) -> dict[str, Shape]:
    """The inputs' shapes, with usual sizes that satisfy the conditions in place of open ones."""
    return {
        i.name: Shape(i.shape.channels, tuple(_usual(network, size) for size in i.shape.space))
        for i in network.inputs
    }


def _usual(network: Network, size: Dim) -> int:
    if isinstance(size, int):
        return size
    conditions = [c for c in network.conditions if c.name == size.name]
    modulus = max((c.modulus for c in conditions), default=1)
    candidates = range(SUGGESTED_SIZE, SUGGESTED_SIZE + modulus)
    fit = (n for n in candidates if all(c.holds(n) for c in conditions))
    return size.at(next(fit, SUGGESTED_SIZE))


def taken_sizes(network: Network) -> str:
    """What to say where `usual_inputs` were taken for a network that leaves sizes open."""
    shapes = usual_inputs(network)
    many = len(shapes) > 1
    written = [(f"{i.name} " if many else "", i.shape, shapes[i.name]) for i in network.inputs]
    taken = ", ".join(f"{name}{shape} for {open_}" for name, open_, shape in written)
    conditions = "".join(f"; {condition}" for condition in network.conditions)
    return (
        f"the spec leaves the size open: taken is {taken}; --input takes another, --open leaves it "
        f"open{conditions}"
    )


def report(
    analysis: Analysis,
    place: str,
    *,
    batch: int = 1,
    limit: int | None = None,
    limit_text: str = "",
    depth: int | None = None,
    taken: str = "",
) -> Report:
    """Gather a report on a network that was read at `place`.

    `depth` folds blocks to names of so many parts, `batch` is for memory, and `limit` are the
    bytes whose largest batch is wanted.
    """
    found = entries(analysis, depth)
    by_head: dict[str | None, list[Entry]] = {None: []}
    for entry in found:
        by_head.setdefault(entry.head, []).append(entry)
    layers = tuple(by_head.pop(None))
    return Report(
        analysis=analysis,
        place=place,
        layers=layers,
        largest_macs=max((e.macs or 0 for e in layers), default=0),
        heads={head: tuple(of_head) for head, of_head in by_head.items() if head is not None},
        memory=analysis.memory(batch),
        batch=batch,
        limit=limit,
        limit_text=limit_text or size(limit),
        taken=taken,
    )
