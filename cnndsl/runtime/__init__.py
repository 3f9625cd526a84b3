"""Running ONNX models: the door to ONNX Runtime, pictures and arrays in, arrays out.

    results = run("resnet18.onnx", ["cat.jpg", "dog.jpg"])
    results["logits"]        # 2x1000, float32

`run` does it all; for more than fits into memory, `open_model`, `gather` and `stream` do it a batch
at a time.
"""

from cnndsl.runtime.inputs import Inputs, gather
from cnndsl.runtime.model import Model, Port, open_model
from cnndsl.runtime.running import Results, run, stream
from cnndsl.runtime.samples import Samples
from cnndsl.runtime.session import available_cores, open_session

__all__ = [
    "Inputs",
    "Model",
    "Port",
    "Results",
    "Samples",
    "available_cores",
    "gather",
    "open_model",
    "open_session",
    "run",
    "stream",
]
