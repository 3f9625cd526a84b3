"""Borders that a pooling takes as its padding."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnndsl.diagnostics import UsageError
from tests.support.graphs import Graph, f32, integers

LOWEST = [-np.inf, float(np.finfo(np.float32).min)]


def bordered(g: Graph, fill: float, *sides: int) -> str:
    top, left, bottom, right = sides
    return g.op("Pad", "x", integers(0, 0, top, left, 0, 0, bottom, right), f32(fill))


@pytest.mark.parametrize("fill", LOWEST)
@pytest.mark.parametrize("sides", [(0, 0, 1, 1), (1, 1, 1, 1), (1, 0, 0, 1)])
@pytest.mark.parametrize(
    "attributes",
    [
        {"kernel_shape": [3, 3], "strides": [2, 2]},
        {"kernel_shape": [3, 3], "strides": [2, 2], "ceil_mode": 1},
        {"kernel_shape": [3, 3], "pads": [1, 0, 0, 1]},
        {"kernel_shape": [2, 3], "strides": [2, 1], "dilations": [1, 2]},
        {"kernel_shape": [3, 3], "auto_pad": "SAME_UPPER", "strides": [2, 3]},
    ],
)
def test_a_border_that_no_maximum_sees_is_padding(
    fill: float, sides: tuple[int, ...], attributes: dict[str, Any], tmp_path: Path
) -> None:
    g = Graph()
    y = g.op("MaxPool", bordered(g, fill, *sides), **attributes)
    assert g.words(tmp_path, y) == ["pool"]


def test_such_a_border_changes_no_maximum_of_the_whole_map(tmp_path: Path) -> None:
    g = Graph()
    assert g.words(tmp_path, g.op("GlobalMaxPool", bordered(g, -np.inf, 1, 2, 3, 4))) == ["gmp"]


def test_such_a_border_is_refused_elsewhere(tmp_path: Path) -> None:
    g = Graph()
    with pytest.raises(UsageError, match="Pad `t0` fills a border with minus infinity"):
        g.imported(tmp_path, g.op("Relu", bordered(g, -np.inf, 1, 1, 1, 1)))
