"""(b) `cnndsl compile` of VGG-16 against torch.onnx.export of torchvision's."""

from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import CNNDSL, pairs, peer
from benchmarks.table import Row, Section

NET = "vgg16"
ROUNDS = 5


def measure() -> Section:
    """Both initialise 138 million weights and write an ONNX model that holds them."""
    with TemporaryDirectory() as folder:
        runs = pairs(
            [CNNDSL, "compile", NET, "-o", str(Path(folder) / "ours.onnx")],
            peer("torch_export", NET, str(Path(folder) / "theirs.onnx")),
            ROUNDS,
        )
    (our_time, their_time), (our_memory, their_memory) = runs.seconds(), runs.peak_mib()
    return Section(
        title=f"Compilation of {NET}",
        method=f"`cnndsl compile {NET}`, initial weights included, against a program that builds "
        f"torchvision's {NET} and calls `torch.onnx.export(dynamo=True)`. {ROUNDS} pairs.",
        rows=(
            Row("time", f"{our_time:.2f} s", f"{their_time:.2f} s", runs.time_ratio(), 1 / 3),
            Row(
                "peak memory",
                f"{our_memory:.0f} MiB",
                f"{their_memory:.0f} MiB",
                runs.memory_ratio(),
                1 / 5,
            ),
        ),
    )
