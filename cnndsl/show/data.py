"""The report for programs: JSON as docs/report-schema.json describes it."""

from __future__ import annotations

from collections.abc import Sequence

from cnndsl.analyse import Memory, ReceptiveField
from cnndsl.printing import json_text
from cnndsl.shape import Shape
from cnndsl.show.entries import Entry
from cnndsl.show.figures import plain
from cnndsl.show.report import CONVENTIONS, Report

VERSION = 1
"""Of the form; it changes when a field is dropped or means something else."""

Json = dict[str, object]


def as_json(report: Report) -> str:
    """The report as JSON text."""
    return json_text(as_data(report), indent=2)


def as_data(report: Report) -> Json:
    """The report as plain values; null is what isn't known."""
    network, totals = report.network, report.totals
    return {
        "version": VERSION,
        "network": network.name,
        "spec": report.place,
        "settings": dict(network.settings),
        "inputs": [{"name": i.name, "shape": sizes(i.shape)} for i in network.inputs],
        "outputs": [{"name": n, "shape": sizes(network.shapes[n])} for n in network.outputs],
        "layers": _layers(report.layers),
        "heads": [
            {
                "name": name,
                "params": sum(e.params for e in layers),
                "layers": _layers(layers),
            }
            for name, layers in report.heads.items()
        ],
        "totals": {
            "params": totals.params,
            "trainable_params": totals.params,
            "statistics": totals.statistics,
            "macs": totals.macs,
            "other_operations": report.other_operations,
            "flops": totals.flops,
            "weight_bytes": totals.weight_bytes,
            "activation_bytes": totals.activation_bytes,
            "peak_activation_bytes": report.peak_activation_bytes,
        },
        "memory": _memory(report.memory, report.limit) if report.memory else None,
        "notes": report.notes(),
        "conventions": CONVENTIONS,
    }


def sizes(shape: Shape) -> list[int | str]:
    """Channels and space; a symbolic size is its text."""
    return [size if isinstance(size, int) else str(size) for size in shape]


def _layers(layers: Sequence[Entry]) -> list[Json]:
    return [_layer(entry) for entry in layers]


def _layer(entry: Entry) -> Json:
    window = entry.window
    return {
        "name": entry.name,
        "op": entry.op,
        "text": entry.text,
        "line": entry.line,
        "layers": entry.layers,
        "inputs": list(entry.inputs),
        "output": sizes(entry.output),
        "window": list(window.kernel) if window else None,
        "stride": list(window.stride) if window else None,
        "padding": [list(pair) for pair in window.pads] if window else None,
        "dilation": list(window.dilation) if window else None,
        "params": entry.params,
        "weights": entry.weights,
        "biases": entry.biases,
        "norm": entry.norm,
        "statistics": entry.statistics,
        "shares": entry.shares,
        "macs": entry.macs,
        "other_operations": entry.other_operations,
        "flops": entry.flops,
        "weight_bytes": entry.weight_bytes,
        "activation_bytes": entry.activation_bytes,
        "receptive_field": _field(entry.receptive_field),
    }


def _field(field: ReceptiveField | None) -> Json | None:
    if field is None:
        return None
    return {
        "everything": field.everything,
        "size": [plain(axis.size) for axis in field.axes],
        "jump": [plain(axis.step) for axis in field.axes],
        "offset": [plain(axis.start) for axis in field.axes],
    }


def _memory(memory: Memory, limit: int | None) -> Json:
    return {
        "batch": memory.batch,
        "inference": {
            "total": memory.inference,
            "weights": memory.weights.stored,
            "activations": memory.peak_activations,
            "worst_layer": memory.peak_step,
        },
        "training": {
            "total": memory.training,
            "weights": memory.training_weights,
            "gradients": memory.weights.trained,
            "optimiser": memory.optimiser,
            "kept_activations": memory.kept_activations,
            "gradients_in_flight": memory.gradients_in_flight,
        },
        "largest_batch": None
        if limit is None
        else {
            "bytes": limit,
            "inference": memory.largest_batch(limit, training=False),
            "training": memory.largest_batch(limit, training=True),
        },
    }
