"""One family: exported by torch, imported, compiled again and compared with torch's file.

    python -m tests.exports.one tv:regnet_y_400mf legacy 3x64x64 [MODEL.onnx]

Prints a line of JSON. Where MODEL.onnx is there it is taken as it is, otherwise it is written.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import cnndsl
from benchmarks.peers.door import import_torchvision
from cnndsl.diagnostics import UsageError
from cnndsl.importing import Imported, import_model
from cnndsl.importing.verifying import SCALES
from cnndsl.runtime.session import open_session, run_session
from cnndsl.weights.save import write_tensors

CLOSE = 1e-3  # of the largest value
SEED = 1
EXAMPLES = 16  # of each of SCALES, that norms take their statistics of


def export(family: str, exporter: str, shape: Sequence[int], path: Path) -> None:
    """Write a family's model with random weights, norms and statistics."""
    import torch

    torch.manual_seed(SEED)
    source, _, name = family.partition(":")
    torchvision = import_torchvision()
    if source == "tv":
        model = _of_torchvision(torchvision, name)
    else:
        model = _of_timm(name, shape)
    x = torch.randn(1, *shape)
    _randomise(model, torch.cat([scale * torch.randn(EXAMPLES, *shape) for scale in SCALES]))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.disable(logging.CRITICAL)
        torch.onnx.export(model, (x,), str(path), dynamo=exporter == "dynamo", verbose=False)


def _of_torchvision(torchvision: Any, name: str) -> Any:
    fixed = {"weights": None}
    if "lraspp" in name or "fcn" in name or "deeplab" in name:
        fixed["weights_backbone"] = None
    if name in ("googlenet", "inception_v3"):
        fixed |= {"aux_logits": False, "init_weights": False}
    return torchvision.models.get_model(name, **fixed)


def _of_timm(name: str, shape: Sequence[int]) -> Any:
    import timm

    return timm.create_model(name, pretrained=False, exportable=True)


def _randomise(model: Any, x: Any) -> None:
    """Vectors of parameters are drawn, so that none is neutral, and every norm takes the statistics
    of what comes to it, moved a little: values stay of a size from end to end, as in a trained net.

    A net of plain random numbers may enlarge round-off a thousand times over, which hides what is
    asked. So scales lie around 1, and those that begin near 0, as at the end of a residual branch,
    stay small; no norm takes apart what differs much less than it is large; and the statistics are
    of inputs of all sizes that are tried, so that no gate is driven far past its bend.
    """
    import torch

    def drawn(p: Any, low: float, high: float) -> None:
        p.copy_(low + (high - low) * torch.rand_like(p))

    def take(norm: Any, inputs: tuple[Any, ...]) -> None:
        axes = [axis for axis in range(inputs[0].ndim) if axis != 1]
        variance, mean = torch.var_mean(inputs[0], axes, correction=0)
        variance += 0.1 * mean**2 + 1e-3
        norm.running_mean.copy_(mean + 0.1 * variance.sqrt() * torch.randn_like(mean))
        norm.running_var.copy_(variance * (0.75 + 0.5 * torch.rand_like(variance)))

    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.numel() == max(p.shape, default=1):
                if name.endswith("bias"):
                    drawn(p, -0.1, 0.1)
                elif p.abs().max() < 0.1:
                    drawn(p, 0.1, 0.3)
                else:
                    drawn(p, 0.75, 1.25)
            elif not p.any():
                p.copy_(torch.randn_like(p) / p[0].numel() ** 0.5)
        model.eval()
        hooks = [norm.register_forward_pre_hook(take) for norm in norms]
        model(x)
        for hook in hooks:
            hook.remove()


def compared(imported: Imported, model: Path, shape: Sequence[int]) -> float:
    """How far the outputs lie apart, as a part of the largest value."""
    with TemporaryDirectory() as folder:
        spec, weights, again = (Path(folder) / f"again.{s}" for s in ("cnn", "safetensors", "onnx"))
        spec.write_text(imported.text, encoding="utf-8")
        write_tensors(weights, imported.values)
        cnndsl.compile(spec, again, weights=weights)
        x = np.random.default_rng(SEED).standard_normal((1, *shape)).astype(np.float32)
        results: list[list[np.ndarray]] = []
        for file in (model, again):
            session = open_session(file, optimise=False)
            names = [port.name for port in session.get_outputs()]
            taken = session.get_inputs()[0].name
            results.append([
                array
                for scale in SCALES
                for array in run_session(session, names, {taken: scale * x}).values()
            ])  # fmt: skip
    return max(_apart(a, b) for a, b in zip(*results, strict=True))


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a.squeeze(), b.squeeze()  # axes of size 1 have a note of their own
    if a.shape != b.shape or not (np.isfinite(a).all() and np.isfinite(b).all()):
        return float("inf")
    return float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30))


def main(family: str, exporter: str, size: str, file: str = "") -> dict[str, Any]:
    """What came of it."""
    shape = [int(n) for n in size.split("x")]
    with TemporaryDirectory() as folder:
        path = Path(file) if file else Path(folder) / "model.onnx"
        row: dict[str, Any] = {"family": family, "exporter": exporter}
        if not path.is_file():
            try:
                export(family, exporter, shape, path)
            except Exception as e:  # whatever torch thinks of its own models
                return row | {"outcome": "not exported", "why": f"{type(e).__name__}: {e}"[:300]}
        begun = time.perf_counter()
        try:
            imported = import_model(path)
        except UsageError as e:
            return row | {"outcome": "refused", "why": str(e).replace(f"`{path}`", "it")}
        row["seconds"] = round(time.perf_counter() - begun, 1)
        row["lines"] = len(imported.text.splitlines())
        apart = compared(imported, path, shape)
        row["outcome"] = "equal" if apart <= CLOSE else "WRONG"
        return row | {"apart": float(f"{apart:.1e}"), "notes": list(imported.notes)}


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:]), ensure_ascii=False))
