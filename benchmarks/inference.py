"""(c) The emitted models in ONNX Runtime against the models that torch exports."""

import json
from math import exp, log
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.measure import CNNDSL, output, peer
from benchmarks.table import Row, Section

GOAL = 1.02
THREADS = 2

# The zoo's name and torchvision's, where the two differ.
NETS = {
    "alexnet_tv": "alexnet",
    "googlenet_tv": "googlenet",
    **{
        name: name
        for name in (
            *(f"vgg{depth}{norm}" for depth in (11, 13, 16, 19) for norm in ("", "_bn")),
            *(f"resnet{depth}" for depth in (18, 34, 50, 101, 152)),
            "inception_v3",
            "mobilenet_v2",
            "resnext50_32x4d",
            "squeezenet1_0",
            "squeezenet1_1",
            "wide_resnet50_2",
        )
    },
}


def measure() -> Section:
    """Both models in one process, random weights, one image, run in turn."""
    results = {name: _compare(name, theirs) for name, theirs in NETS.items()}
    ratios = [result["ratio"] for result in results.values()]
    geometric = exp(mean(log(ratio) for ratio in ratios))
    ours = sum(result["ours_ms"] for result in results.values())
    theirs = sum(result["theirs_ms"] for result in results.values())
    table = ["| net | cnndsl | torch | ratio |", "|---|---:|---:|---:|"]
    table += [
        f"| {name} | {r['ours_ms']:.1f} ms | {r['theirs_ms']:.1f} ms | {r['ratio']:.3f} |"
        for name, r in sorted(results.items())
    ]
    return Section(
        title="Inference in ONNX Runtime",
        method="The model of `cnndsl compile --batch 1` against that of "
        "`torch.onnx.export(dynamo=True)`, random weights on both sides, one image, both sessions "
        f"in one process with the same options ({THREADS} threads), runs in turn; a net's ratio is "
        "the median of its pairs', the row's the geometric mean of the nets'.",
        rows=(
            Row(
                f"one image, all {len(results)} nets",
                f"{ours:.0f} ms",
                f"{theirs:.0f} ms",
                geometric,
                GOAL,
            ),
        ),
        details="\n".join(table),
    )


def _compare(ours: str, theirs: str) -> dict[str, float]:
    with TemporaryDirectory() as folder:
        our_model, their_model = str(Path(folder) / "ours.onnx"), str(Path(folder) / "theirs.onnx")
        output([CNNDSL, "compile", ours, "--batch", "1", "-o", our_model])
        output(peer("torch_export", theirs, their_model))
        return json.loads(output(peer("run_in_turn", our_model, their_model, str(THREADS))))
