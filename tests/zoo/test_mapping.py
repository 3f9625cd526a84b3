"""Weights of torchvision and timm in the zoo's nets: every tensor finds its place by its name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.specs import load
from cnndsl.verbs import compile, run
from cnndsl.weights.mapping import fit
from tests.support import peers
from tests.support.data import real_data
from tests.zoo.nets import FAMILIES, ZOO, family
from tests.zoo.small import small
from tests.zoo.weights import in_memory, mapped, randomise

pytestmark = pytest.mark.torch

TIMM = {
    "resnet18": "resnet18",
    "resnet34": "resnet34",
    "resnet50": "resnet50",
    "resnet101": "resnet101",
    "resnet152": "resnet152",
    "resnext50_32x4d": "resnext50_32x4d",
    "wide_resnet50_2": "wide_resnet50_2",
    "inception_v3": "inception_v3",
    "mobilenet_v2": "mobilenetv2_100",
    **{f"vgg{n}{bn}": f"vgg{n}{bn}" for n in (11, 13, 16, 19) for bn in ("", "_bn")},
}
"""Zoo name → timm's name."""

KNOWN = {"exact", "renamed", "adapted"}


def torchvisions(name: str, **keywords: Any) -> Any:
    """A model of torchvision's, with its training heads."""
    keywords |= {"weights": None}
    if name in ("googlenet", "inception_v3"):
        keywords |= {"init_weights": False, "aux_logits": True}
    return getattr(peers.torchvision().models, name)(**keywords)


def reference(network: Network, state: dict[str, Any]) -> dict[str, str]:
    """Our names of theirs by the order of definition in both, side chains last."""
    theirs = [n for n in state if "num_batches_tracked" not in n]
    ours = [e.parameter or "" for e in fit(network, in_memory({})).entries]
    pairs = zip(_chains_last(ours), _chains_last(theirs), strict=True)
    return dict(pairs)


def _chains_last(names: list[str]) -> list[str]:
    return sorted(names, key=lambda n: n.lower().startswith("aux"))


@pytest.mark.parametrize("name", ZOO)
def test_torchvisions_names_are_known(name: str) -> None:
    """Each tensor goes where the order of definition puts it, in files of either order."""
    network = load(name)[0]
    with peers.torch().device("meta"):
        state = torchvisions(ZOO[name]).state_dict()
    expected = reference(network, state)
    for file_format in ("PyTorch", "safetensors"):
        mapping = fit(network, in_memory(state, file_format), training=True)
        assert mapping.counts.keys() <= {"exact", "renamed"}, mapping.notes
        assert {e.parameter: e.tensors[0].name for e in mapping.entries} == expected


@pytest.mark.parametrize("name", TIMM)
def test_timms_names_are_known(name: str) -> None:
    network = load(name)[0]
    timm = peers.timm()
    with peers.torch().device("meta"):
        state = timm.create_model(TIMM[name]).state_dict()
    found = []
    for file_format in ("PyTorch", "safetensors"):
        mapping = fit(network, in_memory(state, file_format))
        assert not mapping.lacking and not list(mapping.of("unused"))
        assert {e.verdict for e in mapping.entries if e.required} <= KNOWN
        found.append({e.parameter: [t.name for t in e.tensors] for e in mapping.entries})
    assert found[0] == found[1]
    # timm defines its layers in the order that they run in, and so do we
    sizes = [state[names[0]].numel() for names in found[0].values() if names]
    assert sizes == [t.numel() for n, t in state.items() if "num_batches" not in n]


@pytest.mark.parametrize("name", ["densenet121", "efficientnet_b0", "mnasnet0_5", "video.s3d"])
def test_other_nets_fit_by_order(name: str) -> None:
    models = peers.torchvision().models
    for part in name.split(".")[:-1]:
        models = getattr(models, part)
    with peers.torch().device("meta"):
        state = getattr(models, name.split(".")[-1])(weights=None).state_dict()
    assert name in FAMILIES
    mapping = fit(family(name), in_memory(state))
    assert mapping.counts.keys() == {"by order"}
    assert [e.tensors[0].name for e in mapping.entries] == [n for n in state if "num_b" not in n]


SAVED = ("squeezenet1_1", "mobilenet_v2", "resnet18", "googlenet_tv", "inception_v3")


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_saved_weights_compute_what_torchvision_does(
    tmp_path: Path, name: str, suffix: str
) -> None:
    """Saved by the framework, compiled from the file, run: the same within 1e-4."""
    torch = peers.torch()
    torch.manual_seed(0)
    network = small(name)
    model = torchvisions(ZOO[name], num_classes=10)
    randomise(torch, model)
    path = tmp_path / f"weights.{suffix}"
    if suffix == "pth":
        torch.save({"epoch": 3, "state_dict": model.state_dict()}, path)
    else:
        library = pytest.importorskip("safetensors.torch", reason="safetensors is not installed")
        library.save_file(model.state_dict(), path)
    compile(network, tmp_path / "net.onnx", weights=path)
    (entry,) = network.inputs
    x = np.random.default_rng(1).standard_normal((1, *entry.shape)).astype(np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(x)).numpy()
    (result,) = run(tmp_path / "net.onnx", x, threads=1).values()
    assert np.abs(result - expected).max() < 1e-4 * np.abs(expected).max()
    assert np.abs(expected).std() > 1e-3


def test_a_convolution_stands_for_a_dense_layer() -> None:
    """timm's VGG has 7x7 and 1x1 convolutions where ours has `fc`: the numbers are the same."""
    torch, timm = peers.torch(), peers.timm()
    network = load("vgg11")[0]
    with torch.device("meta"):
        mapping = mapped(network, timm.create_model("vgg11"))
    notes = {e.parameter: e.note for e in mapping.of("adapted")}
    assert notes == {
        "fc6.weight": "reshaped from 4096 x 512 x 7 x 7",
        "fc7.weight": "reshaped from 4096 x 4096 x 1 x 1",
    }


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.data
@pytest.mark.parametrize("name", ["resnet20", "resnet56"])
def test_real_cifar_nets_know_their_pictures(tmp_path: Path, name: str) -> None:
    """Shortcuts without parameters and DataParallel's names; 99.8 % and 100 % of all 4,000."""
    path = real_data("weights", f"cifar_{name}.th")
    with np.load(real_data("cifar10", "cifar10_lossless_train4000.npz")) as file:
        images, labels = file["x"][::8].transpose(0, 3, 1, 2), file["y"][::8]
    mean, std = (np.array(v, np.float32).reshape(3, 1, 1) for v in (MEAN, STD))
    compile(name, tmp_path / "net.onnx", weights=path)
    (scores,) = run(tmp_path / "net.onnx", (images / np.float32(255) - mean) / std).values()
    assert (scores.argmax(axis=1) == labels).mean() >= 0.995


def test_other_nets_weights_are_refused() -> None:
    with peers.torch().device("meta"):
        state = torchvisions("resnet34").state_dict()
    mapping = fit(load("resnet18")[0], in_memory(state))
    with pytest.raises(UsageError, match="the net has 20 layers with weights and the file 36"):
        mapping.check()
