"""A model of the suite through import, and what came of it."""

from __future__ import annotations

import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import onnx

from cnndsl.diagnostics import SpecError, UsageError
from cnndsl.importing import Imported, import_model
from cnndsl.runtime import open_model
from tests.suite.models import Array, Case, ports
from tests.support.imported import compiled

Outcome = Literal["pass", "refused", "unmeasured", "unnamed", "wrong", "traceback"]
"""`unnamed` is a refusal that names no node with its operator; `unmeasured` are gradients beside
which there is nothing to compare.
"""

ORDER: Sequence[Outcome] = ("traceback", "wrong", "pass", "unmeasured", "unnamed", "refused")
"""Of the two forms of a model, the first of these counts."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it, and in which words."""

    outcome: Outcome
    said: str = ""


def judge(case: Case) -> Verdict:
    """Import the model as it is, and with the suite's values for all inputs but the first as
    constants; the worse counts, but for refusals: a net holds it in one of the forms or in none.
    """
    found = [_judged(case, case.model, case.inputs)]
    if (model := case.with_constants()) is not None:
        found.append(_judged(case, model, case.inputs[:1]))
    return min(found, key=lambda verdict: ORDER.index(verdict.outcome))


def _judged(case: Case, model: onnx.ModelProto, inputs: Sequence[Array]) -> Verdict:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "model.onnx"
        onnx.save(model, path)
        try:
            imported = import_model(path)
            names = [port.name for port in ports(model)]
            made = _run(imported, compiled(imported, path.parent), names, inputs)
        except UsageError as e:
            return Verdict("refused" if names_node(model, str(e)) else "unnamed", str(e))
        except SpecError as e:
            return Verdict("unnamed", "\n".join(d.render() for d in e.diagnostics))
        except Exception:
            return Verdict("traceback", traceback.format_exc())
    differs = _difference(case, imported, made)
    return Verdict("wrong", f"{differs}\n{imported.text}") if differs else Verdict("pass")


def _run(
    imported: Imported, path: Path, names: Sequence[str], inputs: Sequence[Array]
) -> list[Array]:
    """The outputs; vectors and numbers without a batch become one."""
    opened = open_model(path, threads=1)
    feeds = {
        port.name: _turned(imported, name, array, (-1, 1)).reshape(
            1 if array.ndim < 2 else len(array), *port.dims[1:]
        )
        for port, name, array in zip(opened.inputs, names, inputs, strict=True)
    }
    return list(opened(feeds, opened.outputs).values())


def _turned(imported: Imported, name: str, array: Array, axes: tuple[int, int]) -> Array:
    """Channels first or last, as a note says of the model's inputs and outputs."""
    last = any(f"`{name}` has its channels last" in note for note in imported.notes)
    return np.ascontiguousarray(np.moveaxis(array, *axes)) if last else array


def _difference(case: Case, imported: Imported, made: Sequence[Array]) -> str:
    """What differs, in words, by the suite's tolerances; axes of size 1 may be left out."""
    names = [port.name for port in case.model.graph.output]
    for name, wanted, found in zip(names, case.outputs, made, strict=True):
        found = _turned(imported, name, found, (1, -1))
        shapes = [[n for n in array.shape if n != 1] for array in (wanted, found)]
        if shapes[0] != shapes[1]:
            return f"output `{name}` has the shape {found.shape}, and not {wanted.shape}"
        found = found.reshape(wanted.shape)
        if not np.allclose(found, wanted, case.rtol, case.atol, equal_nan=True):
            return f"output `{name}` differs by {np.nanmax(np.abs(found - wanted)):.3g}"
    return ""


def names_node(model: onnx.ModelProto, message: str) -> bool:
    """Whether a sentence names a node of the model and its operator."""
    nodes = [*model.graph.node, *(n for f in model.functions for n in f.node)]
    return any(
        node.op_type in message
        and any(f"`{name}`" in message for name in (node.name, *node.output) if name)
        for node in nodes
    )
