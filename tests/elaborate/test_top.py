"""The top of a file: net, settings, inputs, outputs, loss."""

import pytest

from cnndsl.diagnostics import SpecError
from cnndsl.shape import Shape
from cnndsl.show.flat import flat
from cnndsl.source import Source
from cnndsl.specs import load
from tests.support.specs import codes, errors, listing, network, with_input

HEAD = "cnndsl 1\nnet Tiny(classes=10, act=relu)\ninput image 3@8x8\n"


def test_a_whole_file() -> None:
    net = network(f"{HEAD}conv 3x3 4 act\nlogits: fc classes\noutput logits\n")
    assert net.name == "Tiny"
    assert net.settings == {"classes": 10, "act": "relu"}
    assert [(i.name, str(i.shape)) for i in net.inputs] == [("image", "3@8x8")]
    assert listing(net) == [
        "conv1 = conv 3x3 4 (image) 4@6x6",
        "relu1 = relu (conv1) 4@6x6",
        "logits = fc 10 (relu1) @10",
    ]
    assert net.outputs == ("logits",)


def test_without_output_the_last_value_is_the_output() -> None:
    assert network(with_input("relu\nfc 3\nhead aux train:\n    fc 2")).outputs == ("fc1",)


def test_an_output_is_the_end_of_its_line() -> None:
    assert network(with_input("x: fc 3 relu\ntanh\noutput x")).outputs == ("x.relu1",)


def test_several_inputs_and_outputs() -> None:
    net = network(
        "input left 3@8x8\na: conv 3x3 4\ninput right 3@16x16\nb: conv 3x3 4\n"
        "c: gap from a\nd: gap from b\nboth: add c\noutput both\noutput a b\n"
    )
    assert [i.name for i in net.inputs] == ["left", "right"]
    assert listing(net) == [
        "a = conv 3x3 4 (left) 4@6x6",
        "b = conv 3x3 4 (right) 4@14x14",
        "c = gap (a) 4@1x1",
        "d = gap (b) 4@1x1",
        "both = add (d c) 4@1x1",
    ]
    assert net.outputs == ("both", "a", "b")
    assert net.name == "Net"


SETTINGS = {
    "a number": ({"classes": 5}, {"classes": 5, "act": "relu"}),
    "a whole number written otherwise": ({"classes": 5.0}, {"classes": 5, "act": "relu"}),
    "a layer": ({"act": "tanh"}, {"classes": 10, "act": "tanh"}),
    "a block": ({"act": "gate"}, {"classes": 10, "act": "gate"}),
}


@pytest.mark.parametrize("given, expected", SETTINGS.values(), ids=SETTINGS)
def test_settings(
    given: dict[str, int | float | str], expected: dict[str, int | float | str]
) -> None:
    text = f"def gate(): sigmoid\n{HEAD}fc classes act\n".replace("cnndsl 1\n", "")
    net = network(text, given)
    assert net.settings == expected
    assert str(net.steps[0].output) == f"@{net.settings['classes']}"


def test_a_setting_may_follow_from_another() -> None:
    text = "net A(width=4, twice=2*width)\ninput x 3@8x8\nfc twice\n"
    assert network(text, {"width": 8}).settings == {"width": 8, "twice": 16}


def test_a_setting_sets_sizes() -> None:
    text = "net A(size=8, c=3)\ninput x {c}@{size}x{size}\nrelu\n"
    assert str(network(text, {"size": 16, "c": 1}).inputs[0].shape) == "1@16x16"


WRONG_SETTINGS = {
    "clases": ({"clases": 5}, "unknown-setting", "did you mean `classes`?"),
    "a let": ({"m": 5}, "unknown-setting", "it has `act`, `classes`"),
    "no number, no layer": ({"classes": "many"}, "bad-setting", "`--set classes=10`"),
    "no finite number": ({"classes": float("nan")}, "bad-setting", "`--set classes=10`"),
    "too large": ({"classes": 1e300}, "bad-setting", "`--set classes=10`"),
    "too large for a float": ({"classes": 10**400}, "bad-setting", "`--set classes=10`"),
    "a number with a sign": ({"act": "shrink -0.5"}, "bad-setting", "the name of a layer"),
    "a number with a plus": ({"act": "leaky +0.1"}, "bad-setting", "the name of a layer"),
    "a word for a number": ({"classes": "tanh"}, "missing-argument", "fc 10"),
}


@pytest.mark.parametrize("given, code, help", WRONG_SETTINGS.values(), ids=WRONG_SETTINGS)
def test_wrong_settings(given: dict[str, int | float | str], code: str, help: str) -> None:
    (error,) = errors(f"{HEAD}let m = 3\nfc classes act\n", given)
    assert error.code == code and help in error.help


def test_a_setting_may_name_what_an_error_left_open() -> None:
    text = "net A(width=widht, act=relu)\ninput x 3@8x8\nact\n"
    assert [e.code for e in errors(text, {"act": "width"})] == ["unknown-name"]


def test_a_parameter_without_default_must_be_set() -> None:
    text = "net A(classes)\ninput x 3@8x8\nfc classes\n"
    assert codes(text) == ["missing-setting classes"]
    assert str(network(text, {"classes": 7}).steps[0].output) == "@7"


def test_inputs_can_be_given_another_shape() -> None:
    text = "input a 3@8x8\ninput b 3@HxW\nrelu\nrelu from a\n"
    one = network(text, inputs={"a": Shape(3, (16, 16))})
    assert [str(i.shape) for i in one.inputs] == ["3@16x16", "3@HxW"]
    every = network(text, inputs={"": Shape(3, (4, 4))})
    assert [str(i.shape) for i in every.inputs] == ["3@4x4", "3@4x4"]


WRONG_SHAPES = {
    "no such input": ({"b": Shape(3, (8, 8))}, "unknown-input"),
    "empty": ({"a": Shape(3, (0, 8))}, "bad-input"),
    "too many axes": ({"a": Shape(3, (8, 8, 8, 8))}, "bad-input"),
    "too large": ({"a": Shape(1 << 20, (1 << 20, 8))}, "too-large"),
}


@pytest.mark.parametrize("given, code", WRONG_SHAPES.values(), ids=WRONG_SHAPES)
def test_wrong_shapes_from_outside(given: dict[str, Shape], code: str) -> None:
    with pytest.raises(SpecError) as caught:
        load(Source("net.cnn", "input a 3@8x8\nrelu\n"), input_shapes=given)
    assert [e.code for e in caught.value.diagnostics] == [code]


WRONG = {
    "relu\n": ["missing-input relu"],
    "for n in 1 2:\n    fc n\ninput x 3@8x8\n": ["missing-input for n in 1 2"],
    "net A\n": ["missing-input net A"],
    "let n = 3\n": ["missing-input l"],
    "input x 3@8x8\n": ["no-layers i"],
    "input x 3@8x8\nrelu if 0\n": ["no-layers i"],
    "net A\nnet B\ninput x 3@8x8\nrelu\n": ["second-net net B"],
    "net A(n=1, n=2)\ninput x 3@8x8\nfc n\n": ["name-taken n=2"],
    "net A(relu=1)\ninput x 3@8x8\nrelu\n": ["reserved-name relu=1"],
    "net A(n=m)\ninput x 3@8x8\nfc n\n": ["unknown-name m"],
    "input x 3@8x8\ninput x 3@8x8\nrelu\n": ["name-taken x"],
    "input relu 3@8x8\nrelu\n": ["reserved-name relu"],
    "input x 0@8x8\nrelu\n": ["bad-input 0@8x8"],
    "input x 3@8x8x8x8\nrelu\n": ["bad-input 3@8x8x8x8"],
    "input x 3@2000000x2\nrelu\n": ["bad-input 3@2000000x2"],
    "input x 1000000@1000000x1000000\nrelu\n": ["too-large 1000000@1000000x1000000"],
    "input x @N\nrelu\n": ["symbolic-vector @N"],
    "net A(H=8)\ninput x 3@HxH\nrelu\n": ["symbolic-variable 3@HxH"],
    "input x 3@{h}x8\nrelu\n": ["unknown-name h"],
    "input x 3@{1/3}x8\nrelu\n": ["not-whole 1/3"],
    "input x 3@8x8\nrelu\noutput y\n": ["unknown-value y"],
    "input x 3@8x8\nrelu\noutput relu1 relu1\n": ["given-twice relu1"],
    "input x 3@8x8\noutput y\ny: relu\n": ["unknown-value y"],
}


@pytest.mark.parametrize("text, expected", WRONG.items(), ids=WRONG)
def test_wrong_tops(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


LOSSES = {
    "cross_entropy(a)": [(1.0, "cross_entropy", "a")],
    "cross_entropy(a) + 0.3*cross_entropy(b)": [
        (1.0, "cross_entropy", "a"),
        (0.3, "cross_entropy", "b"),
    ],
    "mse(a, b)/2 - l1(a, b)*3": [(0.5, "mse", "a b"), (-3.0, "l1", "a b")],
    "-(mse(a, b) + huber(a, b))*2": [(-2.0, "mse", "a b"), (-2.0, "huber", "a b")],
    "bce(image, image) + kl(a, b)": [(1.0, "bce", "image image"), (1.0, "kl", "a b")],
    "w*2*mse(a, b)": [(1.0, "mse", "a b")],
    "max(w, 2)*mse(a, b)": [(2.0, "mse", "a b")],
    "cross_entropy(P{1})": [(1.0, "cross_entropy", "P1.relu1")],
    "3*focal(a, gamma=w*3)": [(3.0, "focal", "a gamma=1.5")],
    "ssim(image, image, window=2*2 + 3)": [(1.0, "ssim", "image image window=7")],
    "kl(a, ramp=4, b)": [(1.0, "kl", "a b ramp=4")],
    "ssim(a, target, ramp=0.5, window=7,)": [(1.0, "ssim", "a target ramp=0.5 window=7")],
}


@pytest.mark.parametrize("loss, expected", LOSSES.items(), ids=LOSSES)
def test_losses(loss: str, expected: list[tuple[float, str, str]]) -> None:
    body = f"let w = 0.5\na: fc 4\nb: fc 4\nP1: fc 4 relu\nloss {loss}"
    made = network(with_input(body))
    found = [
        (t.coefficient, t.function, " ".join([*t.arguments, *(f"{k}={v}" for k, v in s)]))
        for t in made.loss
        for s in [t.settings.items()]
    ]
    assert found == expected
    assert load(Source("flat.cnn", flat(made)))[0].loss == made.loss


WRONG_LOSSES = {
    "3": ["bad-loss 3"],
    "a": ["bad-loss a"],
    "mse(a, b)*mse(a, b)": ["bad-loss mse(a, b)*mse(a, b)"],
    "2/mse(a, b)": ["bad-loss 2/mse(a, b)"],
    "mse(a)": ["wrong-arguments mse(a)"],
    "mse(a, 3)": ["not-a-value 3"],
    "mse(a, w)": ["not-a-value w"],
    "mse(a, relu)": ["not-a-value relu"],
    "mse(a, nothing)": ["unknown-name nothing"],
    "mse(a, image)": ["loss-shape-mismatch mse(a, image)"],
    "crossentropy(a)": ["unknown-loss crossentropy(a)"],
    "mse(a, b)/0": ["division-by-zero mse(a, b)/0"],
    "w*1e15*1e15*mse(a, b)": ["number-too-large w*1e15*1e15"],
    "2**53*mse(a, b)*2": ["number-too-large 2**53*mse(a, b)"],
    "foo(a) + mse(a) + 3": ["unknown-loss foo(a)", "wrong-arguments mse(a)", "bad-loss 3"],
    "mse(a, b)\nloss mse(a, b)": ["second-loss loss mse(a, b)"],
    "mse(a, b, window=7)": ["unknown-argument window=7"],
    "focal(a, gama=1)": ["unknown-argument gama=1"],
    "focal(a, gamma=-1)": ["invalid-argument gamma=-1"],
    "focal(a, gamma=1e9)": ["invalid-argument gamma=1e9"],
    "focal(a, gamma=a)": ["not-a-number a"],
    "focal(a, gamma=1, gamma=2)": ["given-twice focal(a, gamma=1, gamma=2)"],
    "ssim(a, b, window=4)": ["invalid-argument window=4"],
    "ssim(a, b, window=2.5)": ["invalid-argument window=2.5"],
    "kl(a, b, ramp=-1)": ["invalid-argument ramp=-1"],
    "max(1, n=2)*mse(a, b)": ["unknown-argument n=2"],
}


@pytest.mark.parametrize("loss, expected", WRONG_LOSSES.items(), ids=WRONG_LOSSES)
def test_wrong_losses(loss: str, expected: list[str]) -> None:
    assert codes(with_input(f"let w = 0.5\na: fc 4\nb: fc 4\nloss {loss}")) == expected
