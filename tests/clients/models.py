"""The models that clients are given: every documented example of a layer, and nets of the zoo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

import cnndsl
from cnndsl.emit import emit
from cnndsl.layers import LAYERS
from cnndsl.layers.base import Example, Parameter
from cnndsl.lower import lower
from cnndsl.network import Network
from cnndsl.resources import zoo_path
from cnndsl.shape import Shape

Array = np.ndarray[Any, Any]

KINDS = ("layers", "of any size", "nets")
NETS = """
alexnet alexnet_tv autoencoder c3d conv_vae deconvnet fashion_cnn googlenet googlenet_tv
inception_v3 lenet lenet5 lenet5_1998 mobilenet_v1 mobilenet_v2 nin nin_cifar plain20 resnet18
resnet20 resnet50 resnext50_32x4d squeezenet1_1 unet unet_same vgg11_bn
"""
"""One of each family: the others have no node that these lack."""

SIZES = {"H": 12, "W": 18}
"""Of layers whose inputs are open, divisible by what the examples divide by."""
MAPS = {"unet": "188x188", "unet_same": "96x96"}
"""For nets that take any size; of less than 188 the first leaves nothing."""
BATCH = 1


@dataclass(frozen=True, slots=True)
class Case:
    """A model to be: what it is called, its kind, and its spec."""

    name: str
    kind: str
    spec: str


def cases() -> Iterator[Case]:
    """All models. Layers that are left out of models, such as dropout, have none."""
    for word, layer in LAYERS.items():
        examples = [e for e in layer.examples if not layer.is_identity]
        for example in examples:
            opened = "H" in example.input
            name = f"{word}: {example.text} on {example.input}"
            yield Case(name, KINDS[opened], _spec(example))
    for name in NETS.split():
        yield Case(name, "nets", _narrow(name))


def _spec(example: Example) -> str:
    """An example as a net, no wider than need be; what its line refers to are inputs too."""
    shapes = example.input.replace("4096", "64").split()
    if example.text.startswith("unpool"):
        return f"input image {shapes[-1]}\nP1: pool 2x2\nresult: {example.text}\noutput result\n"
    names = re.findall(r"\b(?:x|y|mu|logvar)\b", example.text)
    names = ["image"] * (len(shapes) - len(names)) + names
    inputs = [f"input {name} {shape}" for name, shape in zip(names, shapes, strict=True)]
    if names[0] == "image":
        inputs = [*inputs[1:], inputs[0]]  # a line goes on from the input before it
    # Of a value whose size alone matters nothing else would be in the model.
    sized = (
        ["seen: relu from x", "output result seen"] if "to=" in example.text else ["output result"]
    )
    return "\n".join([*inputs, f"result: {example.text}", *sized, ""])


def _narrow(name: str) -> str:
    """A net without the dense layers that make files a gigabyte large; the nodes are the same."""
    text = zoo_path(name).read_text(encoding="utf-8")
    return text.replace("4096", "64").replace("HxW", MAPS.get(name, ""))


def write(case: Case, model: Path, arrays: Path) -> None:
    """Write a case's model as `compile` does, and inputs with ONNX Runtime's outputs."""
    network = cnndsl.parse(case.spec)
    emit(lower(network), model, weights=lambda *of: iter([_values(*of)]), metadata={})
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    feeds = _inputs(network)
    outputs = _run(session, feeds)
    if not all(np.isfinite(o).all() for o in outputs):  # the logarithm of a negative number
        feeds = {name: np.abs(array) + np.float32(0.1) for name, array in feeds.items()}
        outputs = _run(session, feeds)
    names = [o.name for o in session.get_outputs()]
    kept = {f"in:{n}": a for n, a in feeds.items()}
    kept |= {f"out:{n}": o for n, o in zip(names, outputs, strict=True)}
    np.savez(arrays, allow_pickle=False, **kept)


def _run(session: onnxruntime.InferenceSession, feeds: dict[str, Array]) -> list[Array]:
    return [np.asarray(output) for output in session.run(None, feeds)]


def _inputs(network: Network) -> dict[str, Array]:
    random = np.random.default_rng(0)
    return {
        i.name: random.standard_normal(_sizes(i.shape)).astype(np.float32) for i in network.inputs
    }


def _sizes(shape: Shape) -> tuple[int, ...]:
    space = [size if isinstance(size, int) else SIZES[str(size)] for size in shape.space]
    return (BATCH, shape.channels, *space)


def _values(name: str, parameter: Parameter) -> Array:
    """Weights as they start, and other parameters beside where they start, so that each counts."""
    random = np.random.default_rng(sum(name.encode()))
    values = random.standard_normal(parameter.shape).astype(np.float32)
    if parameter.role == "weight":
        return values * np.float32((2 / max(1, parameter.fan_in)) ** 0.5)
    return parameter.initial + np.abs(values) * np.float32(0.1)
