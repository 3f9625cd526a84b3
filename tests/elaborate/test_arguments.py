"""What can be wrong with a line's arguments, what is said about it, and what to write instead."""

import pytest

from tests.support.specs import codes, errors, listing, network, with_input

WRONG = {
    "conv 3 x 3 64": ["split-size 3 x 3"],
    "conv 3 x3 64": ["unknown-word x3"],
    "conv 3 3 64": ["split-size 3 3"],
    "conv 3 3 64 s2 bias=0 relu": ["split-size 3 3"],
    "pool 2 2": ["split-size 2 2"],
    "let n = 3\nconv n 8 9 relu": ["unexpected-argument 8", "unexpected-argument 9"],
    "conv k3 8 9 10": ["unexpected-argument 9", "unexpected-argument 10"],
    "conv 3 64": ["unexpected-argument 64"],
    "conv 64": ["missing-argument conv"],
    "conv 3x3 64 64": ["unexpected-argument 64"],
    "conv 3x3 5x5 64": ["given-twice 5x5"],
    "conv 3x3 64 s2 s=2": ["given-twice s=2"],
    "conv 3x3 64 op1": ["unknown-option op1"],
    "conv 3x3 64 colour=1": ["unknown-argument colour=1"],
    "conv 3x3 64 same half": ["given-twice half"],
    "conv 3x3 64 @7": ["unexpected-argument @7"],
    "conv 3x3 64 stride 2 relu": ["unknown-word stride"],
    "conv 3x3 64 rleu": ["unknown-word rleu"],
    "conv 3x3 64 p=relu": ["not-a-number p=relu"],
    "conv 3x3 64 bias=1": ["not-a-number bias=1"],
    "conv 3x3 -1": ["invalid-argument -1"],
    "conv 0x3 4": ["invalid-argument 0x3"],
    "conv 3x3 1.5": ["invalid-argument 1.5"],
    "conv 3x3x3x3 4": ["invalid-argument 3x3x3x3"],
    "conv 3x3 8 s0": ["invalid-argument s0"],
    "conv 3x3 8 leaky 0.1": ["unexpected-argument 0.1"],
    "relu 3": ["unexpected-argument 3"],
    "pool 2": ["unexpected-argument 2"],
    "bn momentum=0.1": ["refused-argument momentum=0.1"],
    "filter sobel_z": ["invalid-argument sobel_z"],
    "reshape 3@HxW": ["symbolic-argument 3@HxW"],
    "concat": ["missing-argument concat"],
    "sample image": ["missing-argument sample"],
    "x: relu\nconv 1x1 4 x": ["unexpected-argument x"],
    "x: relu\ny: relu\nunpool x y": ["unexpected-argument y"],
    "crop to=3": ["not-a-value to=3"],
    "crop to=nothing": ["unknown-value nothing"],
}


@pytest.mark.parametrize("body, expected", WRONG.items(), ids=WRONG)
def test_wrong_arguments(body: str, expected: list[str]) -> None:
    assert codes(with_input(body)) == expected


HELPED = {  # a part of the message or of the help
    "conv 3 x 3 64": "write `3x3`",
    "conv 3 64": "`3x3`, or `k3`",
    "pool 2": "`2x2`, or `k2`",
    "conv 3x3 64 stride 2": "`s2`",
    "conv 3x3 64 activation=relu": "write `relu` without a key",
    "conv 3x3 64 rleu": "did you mean `relu`?",
    "conv 3x3 64 padding": "`p1`, or `same`",
    "conv 3x3 4 leaky 0.1": "`-> leaky 0.1`",
    "conv 3x3 leaky 0.1": "`-> leaky 0.1`",
    "conv 3x3 64 strid=2": "did you mean `stride`?",
    "conv 3x3 64 bias=1": "`bias` or `nobias`",
    "Conv2d 3x3 64": "did you mean `conv`?",
    "MaxPool 2x2": "did you mean `pool`?",
    "linear 10": "did you mean `fc`?",
    "RELU": "did you mean `relu`?",
    "return x": "`output x`",
    "conv 3x3 8 padding=valid": "leave `valid` out",
    "fc pow(2,3)": "`2**5`",
    "fc range(3)": "`for i in range(3):`",
    "bottelneck 64": "did you mean `bottleneck`?",
    "xyzzy": "`cnndsl explain layers`",
    "f 3\ndef f(n): fc n": "defined in line 4",
    "bn momentum=0.1": "`keep=0.9`",
    "x: relu if 0\ntanh from x": "line 3, which has this label, is left out",
    "feature: relu\ntanh from feture": "did you mean `feature`?",
    "let n = 4\nconv 3x3 (n/3)": "is 1.33333, which can't be the filters",
    "x: relu\nconv 1x1 4 x": "`from x`",
}


@pytest.mark.parametrize("body, part", HELPED.items(), ids=HELPED)
def test_the_help_says_what_to_write(body: str, part: str) -> None:
    (error, *_) = errors(with_input(body))
    assert part in f"{error.message}\n{error.help}"


INVALID = {
    "conv 3x3 0": "`0` can't be the filters of `conv`: it must be more than 0",
    "conv 3x3 (8-8)": "`(8-8)` is 0, which can't be the filters of `conv`: it must be more than 0",
    "conv 3x3 0.5": "`0.5` can't be the filters of `conv`: it must be a whole number",
    "conv 0x3 8": "`0x3` can't be the kernel of `conv`: each of its numbers must be more than 0",
    "conv 3x3 8 s0": "`s0` can't be the stride of `conv`: it must be more than 0",
    "conv 3x3 8 p=-1": "`p=-1` can't be the padding of `conv`: it must be at least 0",
    "conv 3x3 8 p=(1,2,3,4,5,6,7)": (
        "`p=(1,2,3,4,5,6,7)` can't be the padding of `conv`: it has more than 6 numbers"
    ),
    "conv kernel=(1.5,2)": (
        "`kernel=(1.5,2)` can't be the kernel of `conv`: each of its numbers must be a whole number"
    ),
    "conv k=0.5 8": "`k=0.5` can't be the kernel of `conv`: it must be a whole number",
    "conv 3x3 filters=3x3": (
        "`filters=3x3` can't be the filters of `conv`: it must be a single number"
    ),
    "dropout 1": "`1` can't be the probability of `dropout`: it must be less than 1",
    "lrn 5 beta=1e7": "`beta=1e7` can't be the beta of `lrn`: it must be at most 1,000,000",
    "leaky slope=(1,2)": "`slope=(1,2)` can't be the slope of `leaky`: it must be a single number",
    "bn eps=0": "`eps=0` can't be the eps of `bn`: it must be at least 1e-12",
    "reshape 3@4x4x4x4": (
        "`3@4x4x4x4` can't be the target of `reshape`: it may have 3 spatial axes at most"
    ),
}


@pytest.mark.parametrize("line, message", INVALID.items(), ids=INVALID)
def test_what_a_value_must_be(line: str, message: str) -> None:
    (error,) = errors(with_input(line))
    assert (error.code, error.message) == ("invalid-argument", message)


def test_of_a_choice_the_words_are_listed() -> None:
    (error,) = errors(with_input("filter sobel"))
    assert "it must be one of `sobel_x`, `sobel_y`" in error.message


WORDS_BY_KEY = {
    "conv 3x3 8 padding=same": "write `same`",
    "gelu approximate=1": "write `tanh`",
    "conv 3x3 8 bias=relu": "write `bias` or `nobias`",
}


@pytest.mark.parametrize("line, help", WORDS_BY_KEY.items(), ids=WORDS_BY_KEY)
def test_words_stand_by_themselves(line: str, help: str) -> None:
    (error,) = errors(with_input(line))
    assert (error.code, error.help) == ("not-a-number", help)


def test_a_filter_may_be_named_by_key() -> None:
    assert listing(network(with_input("filter name=sobel_x"))) == [
        "filter1 = filter sobel_x (image) 3@30x30"
    ]
