"""Heat maps as outputs of models: numbers computed by hand, and PyTorch's on the same nets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

import cnndsl
from cnndsl.diagnostics import UsageError
from cnndsl.importing import import_model
from cnndsl.network import Network
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import run as run_model
from cnndsl.surgery.attribution import Attribution, attributed, class_number
from cnndsl.training.adapters import spec_adapter
from cnndsl.weights.save import write_tensors
from tests.support import peers
from tests.support import torch_words as torch_words  # fills in the words
from tests.support.data import real_data
from tests.support.specs import network, with_input
from tests.support.torch_interpreter import Run
from tests.zoo.weights import arrays, randomise

Float = NDArray[np.float32]

SMALL = """
<ir_version: 8, opset_import: ["" : 18],
 metadata_props: ["cnndsl.labels": "[\\"ant, emmet\\", \\"bee\\"]"]>
small (float[N, 1, 2, 2] x) => (float[N, 2] y)
<float[2, 1, 1, 1] w = {1, -1}, float[2, 2] v = {1, 0, -3, 2}>
{
    maps = Conv(x, w)
    gap = GlobalAveragePool(maps)
    flat = Flatten(gap)
    logits = Gemm<transB = 1>(flat, v)
    y = Softmax(logits)
}
"""


def model(text: str) -> bytes:
    return onnx.parser.parse_model(text).SerializeToString()


def heat(made: onnx.ModelProto, x: Float, **feeds: Any) -> Float:
    """The last output, by stock ONNX Runtime."""
    import onnxruntime

    check: Any = onnx.checker
    check.check_model(made, full_check=True)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, 4
    session = onnxruntime.InferenceSession(made.SerializeToString(), options)
    (port,) = session.get_inputs()  # `class` may be left out
    given = {name: np.asarray(value) for name, value in feeds.items()}
    return session.run(None, {port.name: x, **given})[-1]


def test_grad_cam_by_hand() -> None:
    """The maps are x and −x; class 0 weighs them 1 and 0, class 1 −3 and 2, over four places."""
    made = attributed(model(SMALL), Attribution("cam"))
    x = np.array([[[[1, 2], [0, -1]]]], np.float32)
    expected = [np.maximum(x, 0) / 2, np.maximum(-5 * x, 0) / 5]
    best = heat(made, x)
    np.testing.assert_allclose(best, expected[0], atol=1e-6)
    for number in (0, 1):
        np.testing.assert_allclose(
            heat(made, x, **{"class": [number]}), expected[number], atol=1e-6
        )
        fixed = attributed(model(SMALL), Attribution("cam", of=number))
        np.testing.assert_allclose(heat(fixed, x), expected[number], atol=1e-6)
    np.testing.assert_allclose(heat(fixed, x, **{"class": [-1]}), best)


def test_saliency_by_hand() -> None:
    made = attributed(model(SMALL), Attribution("saliency", of="emmet"))
    x = np.array([[[[1, 2], [0, -1]]]], np.float32)
    np.testing.assert_allclose(heat(made, x), np.ones((1, 1, 2, 2)))


def test_any_batch_and_a_class_for_each_example() -> None:
    made = attributed(model(SMALL), Attribution("cam"))
    x = np.random.default_rng(0).standard_normal((5, 1, 2, 2)).astype(np.float32)
    of = np.array([0, 1, -1, 1, 0])
    rows = [heat(made, x[i : i + 1], **{"class": of[i : i + 1]}) for i in range(5)]
    np.testing.assert_allclose(heat(made, x, **{"class": of}), np.concatenate(rows), atol=1e-6)


def test_what_a_model_says_of_itself_stays(tmp_path: Path) -> None:
    how = Preprocessing(mean=(0.5,))
    cnndsl.compile("lenet5", tmp_path / "a.onnx", labels=list("0123456789"), preprocessing=how)
    cnndsl.cut(tmp_path / "a.onnx", (), tmp_path / "b.onnx", attribution="cam")
    kept, made = (onnx.load(str(tmp_path / f"{name}.onnx")) for name in "ab")
    assert list(made.metadata_props) == list(kept.metadata_props)
    x = np.random.default_rng(0).random((3, 1, 28, 28), np.float32)
    before, after = (run_model(tmp_path / f"{name}.onnx", x, threads=1) for name in "ab")
    np.testing.assert_allclose(after["logits"], before["logits"], atol=1e-5)
    assert after["cam"].shape == (3, 1, 28, 28) and after["cam"].min() >= 0


def test_a_batch_that_a_model_holds_stays() -> None:
    fixed = SMALL.replace("float[N, 1, 2, 2]", "float[4, 1, 2, 2]")
    made = attributed(model(fixed), Attribution("cam"))
    assert made.graph.output[-1].type.tensor_type.shape.dim[0].dim_value == 4
    inside = SMALL.replace("flat = Flatten(gap)", "flat = Reshape(gap, s)")
    inside = inside.replace("<float[2, 1", "<int64[2] s = {1, -1}, float[2, 1")
    made = attributed(model(inside), Attribution("cam"))
    assert made.graph.output[-1].type.tensor_type.shape.dim[0].dim_value == 1


TURNED = """
<ir_version: 8, opset_import: ["" : 18]>
turned (float[N, 4, 6, 3] x) => (float[N, 2] y)
<float[2, 3, 1, 1] w = {1, -1, 2, 0, 3, -2}, float[2, 2] v = {1, 0, -3, 2}, int64[2] space = {1, 2}>
{
    first = Transpose<perm = [0, 3, 1, 2]>(x)
    conv = Conv(first, w)
    maps = Relu(conv)
    back = Transpose<perm = [0, 2, 3, 1]>(maps)
    means = ReduceMean<keepdims = 0>(back, space)
    logits = MatMul(means, v)
    y = Softmax(logits)
}
"""


@pytest.mark.parametrize("at", [None, "maps", "back"])
def test_channels_at_the_end_as_tensorflow_has_them(at: str | None) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 6, 3)).astype(np.float32)
    made = attributed(model(TURNED), Attribution("cam", at, of=1))
    weight = np.array([[1, -1, 2], [0, 3, -2]], np.float32)
    maps = np.maximum(np.einsum("nhwc,kc->nkhw", x, weight), 0)
    expected = np.maximum(np.einsum("nkhw,k->nhw", maps, [0.0, 2.0]), 0)
    expected /= expected.max((1, 2), keepdims=True)
    np.testing.assert_allclose(heat(made, x)[:, 0], expected, atol=1e-6)
    saliency = heat(attributed(model(TURNED), Attribution("saliency", of=1)), x)
    slopes = np.einsum("nkhw,k,kc->nhwc", maps > 0, [0.0, 2.0], weight)
    expected = np.abs(slopes).max(-1)
    np.testing.assert_allclose(saliency[:, 0], expected / expected.max((1, 2), keepdims=True))


def test_one_heat_map_a_model() -> None:
    made = attributed(model(SMALL), Attribution("cam")).SerializeToString()
    with pytest.raises(UsageError, match="has an input `class`, as models with a heat map have"):
        attributed(made, Attribution("saliency"))


@pytest.mark.parametrize(
    ("change", "attribution", "message"),
    [
        (("", ""), Attribution("cam", "flat"), "`flat` is no maps, it is Nx2; maps are NxCxHxW"),
        (("", ""), Attribution("cam", "mapps"), "no value or node `mapps`; did you mean `maps`"),
        (("", ""), Attribution("cam", of=2), "no class 2: `the model` has 2, from 0 to 1"),
        (("", ""), Attribution("cam", of="been"), "no class `been`; did you mean `bee`?"),
        (("float[N, 2] y", "float[N, 2, 1, 1] gap"), Attribution("cam"), None),
        (("float[N, 2] y", "float[N, 2, 2, 2] maps"), Attribution("cam"), "has no classes"),
        (("y = Softmax", "y = Hardmax"), Attribution("cam"), r"operator Hardmax \(node `y`\)"),
        (("[N, 1, 2, 2] x", "[N, 1, 2, 2] x, float[N, 2] z"), Attribution("cam"), "has 2 inputs"),
        (("[N, 1, 2, 2]", "[N, 1, H, W]"), Attribution("cam"), "has open sizes"),
        (("y = Softmax(logits)", "cam = Conv(x, w) y = Softmax(logits)"), Attribution("cam"), None),
        (("float[N, 2] y)", "float[N, 2] y, float[N, 2, 2, 2] cam)"), Attribution("cam"),
         "has an input or output `cam`: rename it"),
    ],
)  # fmt: skip
def test_what_has_no_heat_map(
    change: tuple[str, str], attribution: Attribution, message: str | None
) -> None:
    text = SMALL.replace(*change)
    if "y, float[N, 2, 2, 2] cam" in text:
        text = text.replace("maps", "cam")
    if message is None:
        attributed(model(text), attribution)
        return
    with pytest.raises(UsageError, match=message):
        attributed(model(text), attribution)


def test_an_operator_in_front_of_the_layer_needs_no_gradient() -> None:
    odd = "odd = Det(x) odd2 = Unsqueeze(odd, u) conv = Conv(x, w) maps = Add(conv, odd2)"
    text = SMALL.replace("maps = Conv(x, w)", odd)
    text = text.replace("<float[2, 1", "<int64[2] u = {2, 3}, float[2, 1")
    attributed(model(text), Attribution("cam", "maps"))
    with pytest.raises(UsageError, match=r"the operator Det \(node `odd`\) has no gradient rule"):
        attributed(model(text), Attribution("saliency"))


@pytest.mark.parametrize("text", ["camera", "cam=", "saliency=conv1", ""])
def test_no_such_method(text: str) -> None:
    with pytest.raises(UsageError, match=r"isn't cam, cam=LAYER|takes no layer"):
        Attribution.read(text)


def test_classes_by_name() -> None:
    labels = ("tench, Tinca tinca", "great white shark", "7")
    for wanted, number in (("tench", 0), ("Tinca_tinca", 0), ("great_white_shark", 1), (2, 2)):
        assert class_number(wanted, 3, labels, "m") == number
    with pytest.raises(UsageError, match="`m` doesn't name its classes"):
        class_number("tench", 3, None, "m")


NETS = {
    "plain": "conv 3x3 4 same relu -> pool 2x2 s2\nmid: conv 3x3 6 same relu\ngap\nfc 5 softmax",
    "dense": "mid: conv 3x3 4 s2 p1 bn relu -> pool 3x3 s2\nconv 3x3 6 leaky\nfc 8 relu\nfc 5",
    "blocks": (
        "mid: conv 3x3 4 same bn relu\nresidual:\n    conv 3x3 4 same bn relu\n"
        "    dwconv 3x3 same bn\nconcat:\n    | conv 1x1 3\n    | avgpool 3x3 s1 same\ngap\nfc 5"
    ),
    "strided": "mid: conv 5x5 4 s2 relu6\ndwconv 3x3 s2 p1 silu\navgpool 2x2\nfc 5 sigmoid",
}  # fmt: skip


def by_torch(
    net: Network, values: Any, x: Float, at: str, method: str, of: int | None = None
) -> Float:
    """Grad-CAM or saliency by torch's own gradients, of the best class or a given one."""
    torch = peers.torch()
    functions = torch.nn.functional
    run = Run(torch, net, {n: torch.from_numpy(np.array(v)) for n, v in values.items()}, {},
              frozen=lambda step: True)  # fmt: skip
    picture = torch.from_numpy(x).requires_grad_()
    found = run({net.inputs[0].name: picture})
    last = net.by_name[net.outputs[0]]
    end = last.inputs[0] if last.layer.word in ("softmax", "sigmoid") else last.name
    score = found[end].flatten(1)
    best = score.argmax(1) if of is None else torch.full((len(x),), of)
    wrt = picture if method == "saliency" else found[at]
    (gradient,) = torch.autograd.grad(score.gather(1, best[:, None]).sum(), wrt)
    if method == "saliency":
        result = gradient.abs().amax(1, keepdim=True)
        return (result / result.amax((1, 2, 3), keepdim=True)).detach().numpy()
    return cam(functions, wrt, gradient, x.shape[2:])


def cam(functions: Any, maps: Any, gradient: Any, size: tuple[int, ...]) -> Float:
    weights = gradient.mean((2, 3), keepdim=True)
    result = functions.relu((weights * maps).sum(1, keepdim=True))
    result = result / result.amax((1, 2, 3), keepdim=True).clamp(min=1e-30)
    result = functions.interpolate(result, size=size, mode="bilinear", align_corners=False)
    return result.detach().numpy()


@pytest.mark.torch
@pytest.mark.parametrize("at", ["mid", None])
@pytest.mark.parametrize("name", NETS)
def test_small_nets_as_torch(name: str, at: str | None, tmp_path: Path) -> None:
    text = with_input(NETS[name], "3@16x16")
    net = network(text)
    random = np.random.default_rng(1)
    values = spec_adapter(net, text).start("auto", seed=3)
    for key, array in values.items():
        if array.ndim == 1:
            values[key] = array + random.uniform(0.1, 0.4, array.shape).astype(np.float32)
    write_tensors(tmp_path / "w.safetensors", values)
    x = random.standard_normal((3, 3, 16, 16)).astype(np.float32)
    layer = f"cam={at}" if at else "cam"
    path = tmp_path / "net.onnx"
    maps = [s.name for s in net.steps if at is None or s.name.startswith(f"{at}.") or s.name == at]
    maps = [m for m in maps if len(net.shapes[m].space) == 2 and net.shapes[m].sizes != (1, 1)]
    for method, attribution in (("cam", layer), ("saliency", "saliency")):
        cnndsl.compile(net, path, weights=tmp_path / "w.safetensors", attribution=attribution)
        ours = heat(onnx.load(str(path)), x)
        np.testing.assert_allclose(ours, by_torch(net, values, x, maps[-1], method), atol=1e-4)
        ours = heat(onnx.load(str(path)), x, **{"class": [4]})
        np.testing.assert_allclose(ours, by_torch(net, values, x, maps[-1], method, 4), atol=1e-4)


@pytest.mark.torch
@pytest.mark.filterwarnings("ignore")
def test_guided_as_torch_with_hooks(tmp_path: Path) -> None:
    torch = peers.torch()
    torch.manual_seed(0)
    layers: list[Any] = []
    for before, after in ((3, 6), (6, 8), (8, 8)):
        layers += [torch.nn.Conv2d(before, after, 3, padding=1), torch.nn.ReLU()]
    net = torch.nn.Sequential(*layers, torch.nn.Flatten(), torch.nn.Linear(8 * 64, 4))
    picture = torch.randn(2, 3, 8, 8, requires_grad=True)
    torch.onnx.export(net, (picture,), tmp_path / "net.onnx", dynamo=False)
    for module in net:
        if isinstance(module, torch.nn.ReLU):
            module.register_full_backward_hook(lambda m, given, out: (given[0].clamp(min=0),))
    net(picture).amax(1).sum().backward()
    expected = picture.grad.abs().amax(1, keepdim=True)
    expected = (expected / expected.amax((1, 2, 3), keepdim=True)).numpy()
    made = attributed(tmp_path / "net.onnx", Attribution("guided"))
    np.testing.assert_allclose(heat(made, picture.detach().numpy()), expected, atol=1e-4)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "zoo", "module", "at"),
    [
        ("resnet18", "resnet18", "layer4", "cam"),
        ("resnet18", "resnet18", "layer3", "cam=stage3"),
        ("squeezenet1_1", "squeezenet1_1", "features.7", "cam=fire5"),
    ],
)
def test_nets_of_torchvision_with_hooks(
    name: str, zoo: str, module: str, at: str, tmp_path: Path
) -> None:
    """Seed 1, since with seed 0 one value of fire8.relu3 is 4.4e-7, so that rounding shuts it."""
    torch = peers.torch()
    torch.manual_seed(1)
    net = peers.torchvision().models.get_model(name, weights=None).eval()
    randomise(torch, net, seed=1)
    write_tensors(tmp_path / "w.safetensors", arrays(cnndsl.parse(zoo), net))
    cnndsl.compile(zoo, tmp_path / "net.onnx", weights=tmp_path / "w.safetensors", attribution=at)
    kept: dict[str, Any] = {}
    layer = net.get_submodule(module)
    layer.register_forward_hook(lambda m, given, out: kept.update(maps=out))
    layer.register_full_backward_hook(lambda m, into, out: kept.update(gradient=out[0]))
    x = torch.randn(1, 3, 224, 224)
    net(x.requires_grad_()).amax(1).sum().backward()
    expected = cam(torch.nn.functional, kept["maps"], kept["gradient"], (224, 224))
    ours = heat(onnx.load(str(tmp_path / "net.onnx")), x.detach().numpy())
    np.testing.assert_allclose(ours, expected, atol=1e-4)


PHOTOS = ("n02110185_Siberian_husky.JPEG", "n03095699_container_ship.JPEG")


@pytest.mark.data
@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "how", "layers"),
    [
        (
            "squeezenet1_0.onnx",
            Preprocessing(scale=1, mean=(104, 117, 123), order="BGR"),
            {"": "logits", "fire9": "fire8"},
        ),
        ("mobilenet_v2_1.0_224.onnx", Preprocessing(scale=127.5, mean=(1,)), {"": ""}),
    ],
)
def test_real_nets_as_torch(name: str, how: Preprocessing, layers: dict[str, str]) -> None:
    path = real_data("weights", name)
    photos = [real_data("photos", "imagenet", photo) for photo in PHOTOS]
    imported = import_model(path)
    net = imported.network
    maps = [s.name for s in net.steps if net.shapes[s.name].space and net.shapes[s.name].area > 1]
    from cnndsl.runtime.images import read_picture
    from cnndsl.runtime.model import open_model
    from cnndsl.runtime.pictures import picture_input

    port = picture_input(open_model(path, threads=1), how)
    x = np.stack([read_picture(photo, port) for photo in photos])
    for layer, block in layers.items():  # as the file calls it, and as its spec does
        made = attributed(path, Attribution("cam", layer or None))
        at = next(m for m in reversed(maps) if m.split(".")[0].startswith(block))
        expected = by_torch(net, imported.values, x, at, "cam")
        np.testing.assert_allclose(heat(made, x), expected, atol=1e-4)
        assert expected.std() > 0.1
