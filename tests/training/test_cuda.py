"""On a GPU: no node of a training's graphs is placed on the CPU, and gradients are the CPU's."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest

from cnndsl.autodiff.algorithms.choose import Planner
from cnndsl.autodiff.passes.precision import Precision
from cnndsl.training.apply import accumulation, averaging
from cnndsl.training.graphs import build_training
from cnndsl.training.optimisers import OPTIMISERS
from tests.support.gradients import feeds_for, run_graph
from tests.zoo.small import small

pytestmark = pytest.mark.skipif(
    "CUDAExecutionProvider" not in onnxruntime.get_available_providers(),
    reason="this ONNX Runtime has no CUDA",
)
NETS = ("lenet5", "fashion_cnn", "resnet20", "mobilenet_v2", "googlenet", "alexnet", "unet_same")
TOLERANCE: dict[Precision, float] = {"float32": 1e-2, "float16": 0.1, "bfloat16": 0.2}
"""Parts of the length of all gradients; float32 may be computed in TF32."""
SCALE = 256.0


def on_cuda(model: bytes) -> onnxruntime.InferenceSession:
    """A session that can't be made where a node has no kernel for CUDA."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CUDAExecutionProvider"])


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("name", NETS)
def test_every_node_is_on_the_gpu(name: str, precision: Precision) -> None:
    network = small(name)
    graphs = build_training(network, 4, planner=Planner(device="cuda", precision=precision))
    exact = build_training(network, 4)
    session = on_cuda(graphs.grad_bytes())
    on_cuda(graphs.evaluation_bytes())
    feeds = feeds_for(exact)
    wanted = {i.name for i in session.get_inputs()}
    scale = SCALE if "loss_scale" in wanted else 1.0
    feeds["loss_scale"] = np.array(scale, np.float32)
    outputs = [o.name for o in session.get_outputs() if o.name.startswith("grad/")]
    results = session.run(outputs, {n: a for n, a in feeds.items() if n in wanted})
    found = dict(zip(outputs, results, strict=True))
    theirs = run_graph(exact, feeds)
    apart = sum(float(((found[n] / scale - theirs[n]) ** 2).sum()) for n in outputs)
    assert apart < TOLERANCE[precision] ** 2 * sum(float((theirs[n] ** 2).sum()) for n in outputs)


@pytest.mark.parametrize("word", OPTIMISERS)
def test_every_node_of_the_update_is_on_the_gpu(word: str) -> None:
    on_cuda(OPTIMISERS[word](weight_decay=0.1).kernel(scaled=True).model())


@pytest.mark.parametrize("kernel", [accumulation, averaging])
def test_every_node_beside_the_update_is_on_the_gpu(kernel) -> None:
    on_cuda(kernel().model())
