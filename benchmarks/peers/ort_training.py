"""Steps of ONNX Runtime's own training: `… ort_training NET THREADS`; see `steps`.

It needs onnxruntime-training-cpu 1.19.2 with torch and onnx<1.18, in a virtual environment of its
own, since the package has stock ONNX Runtime's import name.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
import onnxruntime
import torch
from onnxruntime.training import artifacts
from onnxruntime.training.api import CheckpointState, Module, Optimizer

from benchmarks.peers.steps import serve
from benchmarks.peers.torch_nets import net
from benchmarks.training_nets import LEARNING_RATE, NETS


def write_artifacts(name: str, folder: Path) -> None:
    """PyTorch's export of the net in training mode, and what is made of it for training."""
    model, pictures = net(name), torch.randn(NETS[name].pictures)
    model(pictures)  # which tells lazy layers their sizes
    file = folder / "forward.onnx"
    torch.onnx.export(
        model,
        (pictures,),
        str(file),
        input_names=["pictures"],
        output_names=["logits"],
        training=torch.onnx.TrainingMode.TRAINING,
        do_constant_folding=False,
        opset_version=17,
        dynamo=False,
    )
    trained = [parameter for parameter, _ in model.named_parameters()]
    forward = onnx.load(file)
    names = [tensor.name for tensor in forward.graph.initializer]
    artifacts.generate_artifacts(
        forward,
        requires_grad=trained,
        frozen_params=[n for n in names if n not in trained],
        loss=artifacts.LossType.CrossEntropyLoss,
        optimizer=artifacts.OptimType.AdamW,
        artifact_directory=str(folder),
    )


def main(name: str, threads: int) -> None:
    """Train the net on demand, on the same random batch again and again."""
    options, random = onnxruntime.SessionOptions(), np.random.default_rng(0)
    options.intra_op_num_threads = threads
    with TemporaryDirectory() as path:
        folder = Path(path)
        write_artifacts(name, folder)
        state = CheckpointState.load_checkpoint(str(folder / "checkpoint"))
        step_model = str(folder / "training_model.onnx")
        model = Module(step_model, state, None, "cpu", options)
        optimiser = Optimizer(str(folder / "optimizer_model.onnx"), model)
    optimiser.set_learning_rate(LEARNING_RATE)
    model.train()
    trained = NETS[name]
    pictures = random.standard_normal(trained.pictures, dtype=np.float32)
    classes = random.integers(0, trained.classes, trained.batch)

    def step() -> float:
        found = model(pictures, classes)
        optimiser.step()
        model.lazy_reset_grad()
        return float(found[0] if isinstance(found, (list, tuple)) else found)

    serve(step)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
