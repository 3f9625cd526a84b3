"""Run models in one client, in an environment that has it: `python -m tests.clients.inside CLIENT`.

Reads lines of a model's path and its arrays', separated by a tab, and answers each with a line of
JSON: "right", "wrong" or "refused", and why. Nothing of cnndsl is imported.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.peers.door import import_torchvision

Arrays = Mapping[str, Any]
CLOSE = 1e-4
"""Of the largest value, where that is more than 1."""
THREADS = 2
PART = 150
"""Characters of a message that are shown at least."""


def _openvino(model: str, inputs: Arrays, names: list[str]) -> list[Any]:
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": THREADS}
    compiled = _library("openvino").Core().compile_model(model, "CPU", settings)
    results = compiled(dict(inputs))
    return [results[name] for name in names]


def _opencv(model: str, inputs: Arrays, names: list[str], engine: str = "") -> list[Any]:
    dnn: Any = _library("cv2.dnn")
    _library("cv2").setNumThreads(THREADS)
    engines = [getattr(dnn, engine)] if engine else []
    net = dnn.readNetFromONNX(model, *engines)
    for name, array in inputs.items():
        net.setInput(array, name)
    return list(net.forward(names))


def _opencv_new(model: str, inputs: Arrays, names: list[str]) -> list[Any]:
    return _opencv(model, inputs, names, "ENGINE_NEW")


def _opencv_classic(model: str, inputs: Arrays, names: list[str]) -> list[Any]:
    return _opencv(model, inputs, names, "ENGINE_CLASSIC")


def _onnx2torch(model: str, inputs: Arrays, names: list[str]) -> list[Any]:
    torch = _library("torch")
    torch.set_num_threads(THREADS)
    import_torchvision()
    with torch.no_grad():
        module = _library("onnx2torch").convert(model).eval()
        results = module(*(torch.from_numpy(array) for array in inputs.values()))
    return [r.numpy() for r in (results if isinstance(results, list | tuple) else [results])]


def _mnn(model: str, inputs: Arrays, names: list[str]) -> list[Any]:
    made = Path(model).with_suffix(".mnn")
    # The program `mnnconvert` installs a package that tells its maker of every conversion.
    arguments = ["mnnconvert", "-f", "ONNX", "--modelFile", model, "--MNNModel", str(made)]
    _library("_tools").mnnconvert(arguments)
    mnn = _library("MNN")
    plain = {"backend": "CPU", "precision": "high", "numThread": THREADS}
    manager = mnn.nn.create_runtime_manager((plain,))
    module = mnn.nn.load_module_from_file(str(made), list(inputs), names, runtime_manager=manager)
    made.unlink()
    expr = mnn.expr
    given = [expr.const(array, array.shape, expr.NCHW) for array in inputs.values()]
    return [np.array(expr.convert(y, expr.NCHW).read()) for y in module.onForward(given)]


def _tract(model: str, inputs: Arrays, names: list[str]) -> list[Any]:
    loaded = _library("tract").onnx().load(model)
    order = [loaded.input_name(i) for i in range(loaded.input_count())]
    for i, name in enumerate(order):
        loaded.set_input_fact(i, ",".join(map(str, [*inputs[name].shape, "f32"])))
    results = loaded.into_model().into_runnable().run([inputs[name] for name in order])
    return [r.to_numpy() for r in results]


def _library(name: str) -> Any:
    return importlib.import_module(name)


CLIENTS: dict[str, Callable[[str, Arrays, list[str]], list[Any]]] = {
    "openvino": _openvino,
    "opencv5": _opencv_new,
    "opencv5-classic": _opencv_classic,
    "opencv4": _opencv,
    "onnx2torch": _onnx2torch,
    "mnn": _mnn,
    "tract": _tract,
}


def judge(client: str, model: str, arrays: str) -> tuple[str, str]:
    """What a client makes of a model, and why."""
    with np.load(arrays) as kept:
        known = {name: kept[name] for name in kept.files}
    inputs = {name[3:]: a for name, a in known.items() if name.startswith("in:")}
    expected = {name[4:]: a for name, a in known.items() if name.startswith("out:")}
    try:
        results = CLIENTS[client](model, inputs, list(expected))
    except Exception as error:  # whatever a client raises
        return "refused", _short(f"{type(error).__name__}: {error}")
    for (name, theirs), ours in zip(expected.items(), results, strict=True):
        if ours.shape != theirs.shape:
            return "wrong", f"{name} is {ours.shape}, not {theirs.shape}"
        difference = float(np.abs(ours - theirs).max()) / max(1.0, float(np.abs(theirs).max()))
        if not difference <= CLOSE:
            return "wrong", f"{name} differs by {difference:.2g} of its largest value"
    return "right", ""


def _short(text: str) -> str:
    """A line of a message: some say at the start what is wrong, some at the end."""
    line = " ".join(text.split())
    return line if len(line) <= 2 * PART else f"{line[:PART]} … {line[-PART:]}"


def main(client: str) -> None:
    """Answer until the lines end. What libraries print goes elsewhere than answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        model, arrays = line.rstrip("\n").split("\t")
        print(json.dumps(judge(client, model, arrays)), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
