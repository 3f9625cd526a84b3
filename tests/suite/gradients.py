"""The gradients of a model of the suite beside finite differences.

What is differentiated is the sum of all outputs, every value times a random number, with respect to
all inputs of float32, by the functions that training uses. ONNX Runtime measures in float64, or
ONNX's own evaluator where that has no kernel: what changes where all inputs move a little in a
random direction.
"""

from __future__ import annotations

import traceback
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, inliner, numpy_helper
from onnx.reference import ReferenceEvaluator

from cnndsl.diagnostics import UsageError
from cnndsl.lower.external import read_external
from cnndsl.network import LossTerm
from cnndsl.training.graphs import TrainingGraphs, build_external_training
from tests.suite.judging import Verdict, names_node
from tests.suite.models import Array, Case, ports

STEPS = (1e-5, 5e-6)
"""How far inputs move; where both differ there is a corner nearby, and nothing is compared."""

JITTER = 0.01
"""Inputs are moved by about as much first, since the suite's whole numbers lie on corners."""

TOLERANCE = 2e-3
UNMEASURED = Verdict("unmeasured")
LOSS = LossTerm(coefficient=1.0, function="mse", arguments=("sum of all", "target"))


@dataclass(frozen=True, slots=True)
class Point:
    """Where a model is differentiated: its inputs, which of them are weights for a while, and a
    direction for each of these. `factors` are those of the outputs.
    """

    inputs: Mapping[str, Array]
    directions: Mapping[str, Array]
    factors: Mapping[str, Array]


def judge_gradients(case: Case) -> Verdict:
    """Compare the gradients with respect to all inputs, or to the first alone where those with
    respect to the others are refused.
    """
    names = [p.name for p, a in zip(ports(case.model), case.inputs, strict=True) if _moves(a)]
    verdict = UNMEASURED
    if "Dropout" in case.operators:  # in training, it drops
        return verdict
    for wanted in (names, names[:1])[: len(names)]:
        verdict = _judged(case, wanted)
        if verdict.outcome not in ("refused", "unnamed"):
            break
    return verdict


def _judged(case: Case, wanted: Sequence[str]) -> Verdict:
    point = _point(case, wanted)
    model = _with_weights(case, point)
    if not _runs(case):
        return UNMEASURED
    try:
        graphs = build_external_training(
            read_external(model.SerializeToString()),
            1,
            trainable=lambda name: name.removeprefix("weight of ") in wanted,
            loss=[LOSS],
        )
        computed = _along(graphs, model, case, point)
    except UsageError as e:
        if str(e).startswith("nothing is left to train"):  # as with Floor
            computed = 0.0
        else:
            return Verdict("refused" if names_node(model, str(e)) else "unnamed", str(e))
    except Exception:
        return Verdict("traceback", traceback.format_exc())
    measured = _measured(case, point, STEPS[0])
    if measured is None:
        return UNMEASURED
    scale = max(1.0, abs(measured))
    if abs(computed - measured) <= TOLERANCE * scale:
        return Verdict("pass")
    again = _measured(case, point, STEPS[1])
    if again is None or abs(measured - again) > TOLERANCE / 4 * scale:
        return UNMEASURED
    return Verdict("wrong", f"{computed:.6g} where {measured:.6g} is measured")


def _runs(case: Case) -> bool:
    """Whether ONNX Runtime gives the suite's outputs: that's what gradients are those of."""
    names = [port.name for port in ports(case.model)]
    try:
        made = _session(case.model).run(None, dict(zip(names, case.inputs, strict=True)))
    except Exception:  # it has no kernel, or shapes that it refuses; its own have no common base
        return False
    return all(
        y.shape == wanted.shape and np.allclose(y, wanted, case.rtol, 1e-5, equal_nan=True)
        for y, wanted in zip(made, case.outputs, strict=True)
    )


def _session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _outputs(model: onnx.ModelProto, feeds: Mapping[str, Array]) -> list[Array]:
    """By ONNX Runtime, or by ONNX's own evaluator where that has no kernel for float64."""
    try:
        session = _session(model)
    except Exception:
        return ReferenceEvaluator(model).run(None, feeds)
    return session.run(None, feeds)


def _moves(array: Array) -> bool:
    return array.dtype == np.float32 and array.size > 0


def _point(case: Case, wanted: Sequence[str]) -> Point:
    random = np.random.default_rng(0)
    inputs: dict[str, Array] = {}
    for port, array in zip(ports(case.model), case.inputs, strict=True):
        moved = port.name in wanted
        size = JITTER * max(float(np.std(array)), 0.1) if moved else 0
        offset = size * random.uniform(-1, 1, array.shape) if moved else 0
        inputs[port.name] = (array + offset).astype(array.dtype)
    return Point(
        inputs,
        {name: random.standard_normal(inputs[name].shape) for name in wanted},
        {
            port.name: random.standard_normal(y.shape).astype(np.float32)
            for port, y in zip(case.model.graph.output, case.outputs, strict=True)
        },
    )


def _with_weights(case: Case, point: Point) -> onnx.ModelProto:
    """The model with inputs that are made of weights, and one number as its output: `whole`."""
    model: onnx.ModelProto = inliner.inline_local_functions(case.model)
    model.ir_version = max(model.ir_version, 4)  # from which on constants are no inputs
    graph, before, after = model.graph, list[onnx.NodeProto](), list[onnx.NodeProto]()

    def constant(name: str, array: Array) -> str:
        graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    one = constant("one", np.ones((1, 1), np.float32))
    for name, array in point.inputs.items():
        if name not in point.directions:
            constant(name, array)
            continue
        weight = constant(f"weight of {name}", array.reshape(-1, 1))
        shape = constant(f"shape of {name}", np.asarray(array.shape, np.int64))
        before.append(helper.make_node("MatMul", [weight, one], [f"flat of {name}"]))
        before.append(helper.make_node("Reshape", [f"flat of {name}", shape], [name]))
    row = constant("one row", np.asarray([1, -1], np.int64))
    for name, factors in point.factors.items():
        factor = constant(f"factor of {name}", factors.reshape(-1, 1))
        after.append(helper.make_node("Reshape", [name, row], [f"flat of {name}"]))
        after.append(helper.make_node("MatMul", [f"flat of {name}", factor], [f"sum of {name}"]))
    after.append(
        helper.make_node("Sum", [f"sum of {name}" for name in point.factors], ["sum of all"])
    )
    nodes = [*before, *graph.node, *after]
    for part in (graph.node, graph.input, graph.output):
        del part[:]
    graph.node.extend(nodes)
    graph.output.append(helper.make_tensor_value_info("sum of all", TensorProto.FLOAT, [1, 1]))
    return model


def _along(graphs: TrainingGraphs, model: onnx.ModelProto, case: Case, point: Point) -> float:
    """The computed derivative of the sum along the directions.

    The loss is (sum − target)², so that gradients for −target and target differ by 4·target times
    that of the sum.
    """
    pairs = zip(case.outputs, point.factors.values(), strict=True)
    far = 4 * max(1, abs(sum(float(np.vdot(y, factors)) for y, factors in pairs)))
    session = _session(onnx.load_from_string(graphs.grad_bytes()))
    known = {
        **{tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer},
        "target": np.zeros((1, 1), np.float32),
    }
    feeds = {port.name: known[port.name] for port in session.get_inputs()}
    names = [f"grad/{name}" for name in graphs.trained]
    found: list[float] = []
    for sign in (-1, 1):
        feeds["target"] = np.full((1, 1), sign * far, np.float32)
        results = session.run(names, feeds)
        found.append(
            sum(
                float(np.vdot(gradient, point.directions[name.removeprefix("weight of ")]))
                for name, gradient in zip(graphs.trained, results, strict=True)
            )
        )
    return (found[0] - found[1]) / (4 * far)


def _measured(case: Case, point: Point, step: float) -> float | None:
    """The derivative of the sum along the directions, by its difference; None where there is none,
    or where ONNX's evaluator lacks an operator.
    """
    model = _in_double(case.model)
    try:
        ends = [_sum(model, point, sign * step) for sign in (1, -1)]
    except NotImplementedError:
        return None
    found = (ends[0] - ends[1]) / (2 * step)
    return found if np.isfinite(found) else None


def _sum(model: onnx.ModelProto, point: Point, step: float) -> float:
    feeds = {
        name: np.asarray(array, np.float64 if array.dtype == np.float32 else array.dtype)
        for name, array in point.inputs.items()
    }
    feeds |= {name: np.asarray(feeds[name] + step * d) for name, d in point.directions.items()}
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        outputs = _outputs(model, feeds)
    return sum(
        float(np.vdot(y, factors))
        for y, factors in zip(outputs, point.factors.values(), strict=True)
    )


def _in_double(given: onnx.ModelProto) -> onnx.ModelProto:
    """The model in float64 throughout, functions inlined."""
    model = inliner.inline_local_functions(given)
    single, double = TensorProto.FLOAT, TensorProto.DOUBLE
    tensors = list(model.graph.initializer)
    for node in model.graph.node:
        for attribute in node.attribute:
            tensors += [attribute.t] if attribute.type == onnx.AttributeProto.TENSOR else []
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i == single:
                attribute.i = double
            if attribute.name == "value_float":
                attribute.CopyFrom(
                    helper.make_attribute("value", numpy_helper.from_array(np.float64(attribute.f)))
                )
    for tensor in tensors:
        if tensor.data_type == single:
            array = numpy_helper.to_array(tensor).astype(np.float64)
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
    for value in (*model.graph.input, *model.graph.output, *model.graph.value_info):
        if value.type.tensor_type.elem_type == single:
            value.type.tensor_type.elem_type = double
    return model
