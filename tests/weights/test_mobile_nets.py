"""EfficientNet and MobileNetV3 in the prelude's blocks, with weights of those who made them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl import parse
from cnndsl.weights.mapping import fit
from cnndsl.weights.opening import open_tensors
from cnndsl.weights.writing import write_safetensors
from tests.support import peers
from tests.support.run_layer import run_network
from tests.weights.keras_models import randomise, saved
from tests.weights.mapped import in_memory

EFFICIENTNET_B0 = """cnndsl 1
net EfficientNetB0(classes=10, eps=1e-5, tf=0)
input image 3@64x64
def stage(n, k, s=1, e=6):
    inverted n e s=s k=k act=silu squeeze=(C//4) inner=silu eps=eps tf=tf
conv 3x3 32 s2 p1 -> bn eps=eps -> silu if not tf
conv 3x3 32 s2 same -> bn eps=eps -> silu if tf
stage 16 3 e=1
stage 24 3 2
stage 24 3
stage 40 5 2
stage 40 5
stage 80 3 2
stage 80 3 *2
stage 112 5 *3
stage 192 5 2
stage 192 5 *3
stage 320 3
conv 1x1 1280 -> bn eps=eps -> silu
gap -> dropout 0.2
fc classes
"""

MOBILENETV3_SMALL = """cnndsl 1
net MobileNetV3Small(eps=1e-3)
input image 3@64x64
def stage(n, wide, k, s=1, act=hswish):
    inverted n (wide/C) s=s k=k act=act squeeze=round8(wide/4) gate=hsigmoid eps=eps
conv 3x3 16 s2 p1 -> bn eps=eps -> hswish
stage 16 16 3 2 act=relu
inverted 24 (72/16) s2 act=relu eps=eps
inverted 24 (88/24) act=relu eps=eps
stage 40 96 5 2
stage 40 240 5 *2
stage 48 120 5
stage 48 144 5
stage 96 288 5 2
stage 96 576 5 *2
conv 1x1 576 -> bn eps=eps -> hswish
gap
fc 1024 hswish -> dropout 0.2
fc 10
"""

NETS: dict[str, tuple[str, dict[str, float], Any]] = {
    "torchvision's EfficientNet": (
        EFFICIENTNET_B0,
        {},
        lambda: peers.torchvision().models.efficientnet_b0(num_classes=10),
    ),
    "timm's EfficientNet": (
        EFFICIENTNET_B0,
        {},
        lambda: peers.timm().create_model("efficientnet_b0", num_classes=10),
    ),
    "torchvision's MobileNetV3": (
        MOBILENETV3_SMALL,
        {},
        lambda: peers.torchvision().models.mobilenet_v3_small(num_classes=10),
    ),
    "timm's MobileNetV3": (
        MOBILENETV3_SMALL,
        {"eps": 1e-5},
        lambda: peers.timm().create_model("mobilenetv3_small_100", num_classes=10),
    ),
}


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
@pytest.mark.parametrize("name", NETS)
def test_they_answer_alike(tmp_path: Path, name: str, suffix: str) -> None:
    torch, (text, settings, build) = peers.torch(), NETS[name]
    torch.manual_seed(0)
    model = build().eval()
    with torch.no_grad():  # nothing is zero, or one, that might be taken for another
        for key, tensor in model.state_dict().items():
            if tensor.ndim == 1:
                low, high = (-0.1, 0.1) if key.endswith(("bias", "mean")) else (0.5, 1.5)
                tensor.uniform_(low, high)
            elif tensor.ndim > 1:
                tensor.normal_(0, (2 / tensor[0].numel()) ** 0.5)
    state = model.state_dict()
    if suffix == ".pt":
        torch.save(state, path := tmp_path / "w.pt")
    else:
        path = tmp_path / "w.safetensors"
        arrays = {key: state[key].numpy() for key in sorted(state)}
        write_safetensors(path, in_memory(arrays).tensors.values())
    network = parse(text, settings=settings)
    mapping = fit(network, open_tensors(path))
    mapping.check()
    assert not list(mapping.of("unused"))
    x = np.random.default_rng(1).standard_normal((2, 3, 64, 64)).astype(np.float32)
    (result,) = run_network(network, {"image": x}, mapping.arrays())
    expected = model(torch.from_numpy(x)).detach().numpy()
    assert np.ptp(expected, 0).max() > 0.01 * np.abs(expected).max()  # signals are alive
    assert np.abs(result - expected).max() <= 1e-4 * np.abs(expected).max()


@pytest.mark.torch
@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".keras", ".h5", ".weights.h5"])
def test_efficientnet_of_keras(tmp_path: Path, suffix: str) -> None:
    build = peers.keras().applications.EfficientNetB0
    made = {"classes": 10, "classifier_activation": None, "input_shape": (64, 64, 3)}
    model = build(weights=None, **made)
    randomise(model)
    network = parse(EFFICIENTNET_B0, settings={"eps": 1e-3, "tf": 1})
    mapping = fit(network, open_tensors(saved(model, tmp_path, suffix)))
    mapping.check()
    if suffix == ".weights.h5":
        assert any("weights alone don't say what stands before it" in n for n in mapping.notes)
    else:
        how = mapping.file.preprocessing
        assert how is not None
        assert (how.scale, how.mean, how.std) == (255, (0,), (1,))
    x = np.random.default_rng(1).uniform(0, 255, (1, 64, 64, 3)).astype(np.float32)
    (result,) = run_network(network, {"image": np.moveaxis(x, -1, 1) / 255}, mapping.arrays())
    expected = np.asarray(model(x, training=False).detach())
    assert np.abs(result - expected).max() <= 1e-4 * np.abs(expected).max()
