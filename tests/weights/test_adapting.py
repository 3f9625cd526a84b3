"""A file's tensors that aren't the net's, but say the same: outputs are compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from cnndsl.network import Network
from cnndsl.weights.mapping import Mapping, fit
from tests.weights.mapped import Arrays, in_memory, net, output, values

NORMED = """a: conv 3x3 5 nobias
n: bn relu
b: dwconv 3x3 nobias
m: bn
c: fc 4 nobias
o: bn relu
f: fc 3"""
BIASED = NORMED.replace("nobias", "bias")
DENSE = "a: conv 3x3 4 relu\ngap\nflatten\nb: fc 6 relu\nc: fc 3"
POINTS = "a: conv 3x3 4 relu\ngap\nb: conv 1x1 6 relu\nc: conv 1x1 3\nflatten"
MAP = "a: conv 3x3 4 relu\nb: fc 6 relu\nc: fc 3"
WHOLE = "a: conv 3x3 4 relu\nb: conv 6x6 6 relu\nc: conv 1x1 3\nflatten"


def same(network: Network, mapping: Mapping, theirs: Network, arrays: Arrays) -> None:
    """The net with what was found computes what the other one does."""
    mapping.check()
    expected = output(theirs, arrays)
    error = np.abs(output(network, mapping.arrays()) - expected).max()
    assert error < 1e-5 * np.abs(expected).max()
    assert expected.std() > 1e-3


def adapted(mapping: Mapping) -> set[str]:
    return {entry.parameter or "" for entry in mapping.of("adapted")}


def called(arrays: Arrays, *layers: str) -> Arrays:
    """The same, its layers called otherwise."""
    ours = dict.fromkeys(name.rpartition(".")[0] for name in arrays)
    other = dict(zip(ours, layers, strict=True))
    return {f"{other[n.rpartition('.')[0]]}.{n.rpartition('.')[2]}": a for n, a in arrays.items()}


def numbered(arrays: Arrays) -> Arrays:
    """Names that say nothing but the order."""
    count = len({name.rpartition(".")[0] for name in arrays})
    return called(arrays, *map(str, range(count)))


names = pytest.mark.parametrize("name", [dict, numbered], ids=["exact", "by order"])


@names
def test_a_norm_takes_the_bias_before_it_over(name: Callable[[Arrays], Arrays]) -> None:
    network, theirs = net(NORMED), net(BIASED)
    arrays = values(theirs)
    mapping = fit(network, in_memory(name(arrays)))
    assert adapted(mapping) == {"n.running_mean", "m.running_mean", "o.running_mean"}
    assert not list(mapping.of("unused"))
    same(network, mapping, theirs, arrays)


def test_a_bias_without_a_norm_behind_it_is_told() -> None:
    network, theirs = net("a: conv 3x3 5 nobias\nfc 3"), net("a: conv 3x3 5\nfc 3")
    mapping = fit(network, in_memory(values(theirs)))
    (entry,) = mapping.of("unused")
    assert entry.tensors[0].name == "a.bias"
    assert "without a bias" in entry.note


@names
@pytest.mark.parametrize("spec", [NORMED, BIASED])
def test_folded_norms_leave_a_bias(name: Callable[[Arrays], Arrays], spec: str) -> None:
    network = net(spec)
    theirs = net(BIASED.replace(": bn relu", ": relu").replace("m: bn\n", ""))
    arrays = values(theirs)
    mapping = fit(network, in_memory(name(arrays)))
    same(network, mapping, theirs, arrays)
    assert not list(mapping.of("unused"))


@pytest.mark.parametrize("epsilon", [1e-3, 1e-7])
@pytest.mark.parametrize("layers", [("a", "n"), ("module.a", "module.n"), ("1", "2")])
def test_another_epsilon(epsilon: float, layers: tuple[str, str]) -> None:
    lines = "a: conv 3x3 5 nobias\nn: bn"
    network, theirs = net(lines), net(f"{lines} eps={epsilon}")
    arrays = values(theirs)
    arrays["n.running_var"] = np.array([1e-6, 1e-4, 0.01, 1, 100], np.float32)
    mapping = fit(network, in_memory(called(arrays, *layers), epsilons={layers[1]: epsilon}))
    assert adapted(mapping) == {"n.running_var"}
    same(network, mapping, theirs, arrays)


@names
@pytest.mark.parametrize("ends", [(".weight",), (".bias",), (".weight", ".bias")])
def test_norms_that_lack_a_part(name: Callable[[Arrays], Arrays], ends: tuple[str, ...]) -> None:
    """PyTorch leaves out both scale and offset; one of them alone was lost."""
    network = net(NORMED)
    arrays = values(network)
    left = {n: a for n, a in arrays.items() if n[0] not in "nmo" or not n.endswith(ends)}
    mapping = fit(network, in_memory(name(left)))
    if len(ends) == 1:
        with pytest.raises(UsageError, match="has nothing for"):
            mapping.check()
        return
    assert adapted(mapping) == arrays.keys() - left.keys()
    plain = {n: np.full_like(arrays[n], n.endswith("weight")) for n in adapted(mapping)}
    same(network, mapping, network, arrays | plain)


@names
@pytest.mark.parametrize(
    ("ours", "others"), [(DENSE, POINTS), (POINTS, DENSE), (MAP, WHOLE), (WHOLE, MAP)]
)
def test_dense_layers_and_convolutions(
    name: Callable[[Arrays], Arrays], ours: str, others: str
) -> None:
    network, theirs = net(ours), net(others)
    arrays = values(theirs)
    mapping = fit(network, in_memory(name(arrays)))
    assert adapted(mapping) == {"b.weight", "c.weight"}
    same(network, mapping, theirs, arrays)


@names
@pytest.mark.parametrize("classes", [1000, 1001, 7])
def test_another_number_of_classes(name: Callable[[Arrays], Arrays], classes: int) -> None:
    """It is refused with both numbers, unless the head may start anew."""
    network, theirs = net(f"{DENSE[:-1]}10"), net(f"{DENSE[:-1]}{classes}")
    file = in_memory(name(values(theirs)))
    mapping = fit(network, file)
    background = "; the first of 1001 is the background" if classes == 1001 else ""
    sentence = f"is {classes} x 6, for {classes} instead of 10 outputs{background}"
    with pytest.raises(UsageError, match=sentence):
        mapping.check()
    assert [e.parameter for e in mapping.lacking] == ["c.weight", "c.bias"]
    allowed = fit(network, file, allow_missing=["c"])
    allowed.check()
    assert allowed.counts["missing"] == 2
    assert len(list(allowed.of("unused"))) == 2


@pytest.mark.parametrize("prefix", ["module.", "model.", "net.", "module.model.", "_orig_mod."])
def test_what_wraps_all_names_doesnt_count(prefix: str) -> None:
    network = net(NORMED)
    arrays = values(network)
    mapping = fit(network, in_memory({f"{prefix}{n}": a for n, a in arrays.items()}))
    assert mapping.counts == {"exact": len(arrays)}
    same(network, mapping, network, arrays)


def test_what_may_be_missing() -> None:
    network = net(NORMED)
    arrays = values(network)
    left = {n: a for n, a in arrays.items() if n[0] not in "fo"}
    with pytest.raises(UsageError, match=r"has nothing for `o\.weight`, `o\.bias`"):
        fit(network, in_memory(left)).check()
    with pytest.raises(UsageError, match=r"has nothing for `o\.weight`"):
        fit(network, in_memory(left), allow_missing=["f"]).check()
    mapping = fit(network, in_memory(left), allow_missing=["f", "o.*"])
    mapping.check()
    assert mapping.arrays().keys() == left.keys()


TWINS = "conv 3x3 4 relu\nconcat:\n    | conv 3x3 4 half\n    | conv 3x3 4 half\nfc 3"


LONGER = TWINS.replace("half", "half -> conv 1x1 2")


@pytest.mark.parametrize(
    ("lines", "layers", "file_format", "fine"),
    [
        (TWINS, "left right", "safetensors", False),  # only the alphabet says which is first
        (TWINS, "x2 x10", "safetensors", True),  # numbers do
        (TWINS, "b.1.x b.2.a", "safetensors", True),
        (TWINS, "right left", "PyTorch", True),  # as it was defined: told, since they are alike
        (LONGER, "left.0 left.1 right.0 right.1", "safetensors", False),
        (LONGER, "b1.left b1.right b2.left b2.right", "safetensors", True),
        (LONGER, "b b.out c c.out", "safetensors", False),
        (LONGER, "b c d e", "NumPy", True),
    ],
)
def test_twins_in_an_order_that_says_nothing(
    lines: str, layers: str, file_format: Any, fine: bool
) -> None:
    network = net(lines)
    arrays = values(network)
    renamed = called(arrays, "stem", *layers.split(), "fc")
    if file_format == "safetensors":
        renamed = dict(sorted(renamed.items()))
    mapping = fit(network, in_memory(renamed, file_format))
    if not fine:
        with pytest.raises(UsageError, match="are alike, and the file doesn't say which"):
            mapping.check()
        return
    assert mapping.counts == {"by order": len(arrays)}
    same(network, mapping, network, arrays)
    assert any("lie side by side" in note for note in mapping.notes)


def test_layers_that_are_used_twice() -> None:
    """A bias before two norms has none that could take it over; where both are one, it has."""
    apart = "a: conv 3x3 3 half{}\nn: bn\nreuse a\nm: bn\nfc 3"
    mapping = fit(net(apart.format(" nobias")), in_memory(values(net(apart.format(" bias")))))
    assert not adapted(mapping)
    assert [e.tensors[0].name for e in mapping.of("unused")] == ["a.bias"]
    together = "a: conv 3x3 3 half{} -> bn\nreuse a\nfc 3"
    network, theirs = net(together.format(" nobias")), net(together.format(" bias"))
    arrays = values(theirs)
    mapping = fit(network, in_memory(arrays))
    assert len(adapted(mapping)) == 1
    same(network, mapping, theirs, arrays)
