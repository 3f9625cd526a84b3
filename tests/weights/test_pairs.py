"""Pairs of names say which tensor is whose, before all else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.diagnostics import UsageError
from cnndsl.weights import load
from cnndsl.weights.fetch import open_weights
from cnndsl.weights.mapping import fit
from cnndsl.weights.mapping.pairs import read_pairs
from tests.weights.mapped import Arrays, net, output, values

LINES = "conv 3x3 3 p1 relu\nconv 3x3 3 p1 relu\nscale nobias\nlogits: fc 4"
"""Two layers that nothing but their names tells apart."""

THEIRS = {
    "conv1": "net.second one",
    "conv2": "net.first",
    "scale1": "net.factor",
    "logits": "net.out",
}


@pytest.fixture
def arrays() -> Arrays:
    return values(net(LINES))


@pytest.fixture
def path(tmp_path: Path, arrays: Arrays) -> Path:
    """Their file: the first two layers in the other order, the factor behind them."""
    names = [f"{step}.{role}" for step in ("conv2", "conv1") for role in ("weight", "bias")]
    names += ["logits.weight", "logits.bias"]
    theirs = {renamed(name): arrays[name] for name in names}
    theirs["net.factor"] = arrays["scale1.weight"]
    np.savez(tmp_path / "w.npz", **theirs)  # pyright: ignore[reportArgumentType]
    return tmp_path / "w.npz"


def renamed(name: str) -> str:
    step, _, role = name.partition(".")
    return f"{THEIRS[step]}.{role}"


def written(folder: Path, *lines: str) -> Path:
    (folder / "pairs.txt").write_text("\n".join(lines), encoding="utf-8")
    return folder / "pairs.txt"


@pytest.mark.parametrize(
    "lines",
    [
        [f"{ours} {theirs}" for ours, theirs in THEIRS.items()],
        [
            "# remark",
            "",
            "  conv1 \t second one  ",
            "scale1.weight factor",
            "conv2\tnet.first.bias",
        ],
        ["conv1.bias second one.bias\r", "conv1.weight net.second one.weight\r", "scale1 factor"],
    ],
)
def test_they_are_followed(path: Path, arrays: Arrays, lines: list[str]) -> None:
    network = net(LINES)
    mapping = fit(network, open_weights(path), pairs=read_pairs(written(path.parent, *lines)))
    assert mapping.counts["named"] > 2
    assert not list(mapping.of("unused"))
    found = mapping.arrays()
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_without_them_the_order_of_the_file_decides(path: Path, arrays: Arrays) -> None:
    found = load(net(LINES), path).arrays()
    np.testing.assert_array_equal(found["conv1.weight"], arrays["conv2.weight"])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["conv1 net.first", "conv2"], "pairs.txt:2:1: `conv2` stands alone: behind it goes"),
        (["  conf1 net.first"], "pairs.txt:1:3: the net has no step or parameter `conf1`; did you"),
        (["conv1 net.frist"], "pairs.txt:1:7: the file has no layer `net.frist`; did you mean"),
        (["scale1 factors"], "pairs.txt:1:8: the file has no tensor `factors`; did you mean"),
        (["conv1.bias net.first.bias"], "`conv1.bias` has a pair, and `conv1.weight` has none"),
        (["conv1 first", "conv1 net.out"], "pairs.txt:2:1: `conv1` has a pair already"),
        (["scale1 factor"] * 2, "pairs.txt:2:1: `scale1` has a pair already"),
        (
            ["logits first"],
            "`logits.weight` is 4 x 192, and `net.first.weight` in the file is 3 x 3",
        ),
    ],
)
def test_what_is_wrong_has_a_place(path: Path, lines: list[str], message: str) -> None:
    with pytest.raises(UsageError) as raised:
        pairs = read_pairs(written(path.parent, *lines))
        fit(net(LINES), open_weights(path), pairs=pairs).check()
    assert message in str(raised.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\0c", None])
def test_a_file_that_is_no_text(path: Path, content: bytes | None) -> None:
    pairs = path.with_name("pairs.txt")
    if content is not None:
        pairs.write_bytes(content)
    with pytest.raises(UsageError, match=r"no UTF-8 text|can't be read"):
        read_pairs(pairs)


def call(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["weights", "map", *map(str, arguments)])


def test_the_weights_are_written_by_the_nets_names(path: Path, arrays: Arrays) -> None:
    spec, out = path.with_name("net.cnn"), path.with_name("out.safetensors")
    spec.write_text(f"cnndsl 1\nnet Small\ninput x 3@8x8\n{LINES}\n")
    pairs = written(path.parent, *(f"{ours} {theirs}" for ours, theirs in THEIRS.items()))
    result = call(spec, path, "--names", pairs, "-o", out)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "w.npz (NumPy): 7 named"
    assert call(spec, out).stdout.splitlines()[-1] == "out.safetensors (safetensors): 7 exact"
    network = net(LINES)
    np.testing.assert_array_equal(
        output(network, load(network, out).arrays()), output(network, arrays)
    )
    wrong = call(spec, path, "--names", pairs, "-o", path.with_name("out.onnx"))
    assert "doesn't end in .safetensors" in wrong.stderr


def test_nothing_is_written_where_something_is_missing(path: Path) -> None:
    spec, out = path.with_name("net.cnn"), path.with_name("out.safetensors")
    spec.write_text(f"cnndsl 1\nnet Small\ninput x 3@8x8\n{LINES}\nfc 3\n")
    assert call(spec, path, "-o", out).exit_code == 1
    assert not out.exists()
