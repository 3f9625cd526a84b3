"""One family: exported by torch, imported, compiled again and compared with torch's file.

    python -m tests.exports.one tv:regnet_y_400mf legacy 3x64x64 [MODEL.onnx]

Prints a line of JSON. Where MODEL.onnx is there it is taken as it is, otherwise it is written.
"""

from __future__ import annotations

import contextlib
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
from cnndsl.runtime.session import open_session, run_session
from cnndsl.weights.save import write_tensors

CLOSE = 1e-3  # of the largest value
SEED = 1


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
    _randomise(model, torch.randn(2, *shape))
    model.eval()
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
    """Norms take the statistics of some noise, so that values stay of a size; then every vector of
    parameters and statistics is moved, so that none is neutral.
    """
    import torch

    norms = [m for m in model.modules() if isinstance(m, torch.nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.numel() == max(p.shape, default=1):
                noise = torch.rand_like(p)
                p.copy_(0.2 * noise - 0.1 if name.endswith("bias") else 0.5 + noise)
            elif not p.any():
                p.copy_(torch.randn_like(p) / p[0].numel() ** 0.5)
        model.eval()
        for norm in norms:
            norm.momentum = 1.0
            norm.train()
        with contextlib.suppress(ValueError):  # of a norm of single values
            model(x)
        for norm in norms:
            norm.momentum = 0.1
            norm.running_mean += 0.1 * torch.randn_like(norm.running_mean)
            norm.running_var *= 0.5 + torch.rand_like(norm.running_var)
            norm.running_var += 1e-3


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
            results.append(
                [*run_session(session, names, {session.get_inputs()[0].name: x}).values()]
            )
    return max(
        float(np.abs(a - b).max() / max(np.abs(a).max(), 1e-30))
        if a.shape == b.shape and np.isfinite(a).all()
        else float("inf")
        for a, b in zip(*results, strict=True)
    )


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
