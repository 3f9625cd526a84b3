"""Where a model's inputs have their channels: the operator that reads them first decides."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from cnndsl.importing import Imported, import_model
from cnndsl.runtime.session import open_session, run_session
from tests.support.graphs import Graph, numbers
from tests.support.imported import compiled


def outputs(model: Path, x: np.ndarray) -> list[np.ndarray]:
    session = open_session(model, threads=1, optimise=False)
    feeds = {session.get_inputs()[0].name: np.ascontiguousarray(x)}
    return list(run_session(session, [o.name for o in session.get_outputs()], feeds).values())


def imported(
    g: Graph, folder: Path, y: str, *shapes: tuple[int, ...], last: bool = False, size: str = ""
) -> Imported:
    """The model as a spec; both give the same for inputs of these shapes, the model's own."""
    path = g.save(folder, y)
    given = {"": tuple(map(int, size.split("x")))} if size else None
    found = import_model(path, given)
    again = compiled(found, folder)
    for shape in shapes:
        x = numbers(*shape)
        ours = np.moveaxis(x, -1, 1) if last else x
        for a, b in zip(outputs(path, x), outputs(again, ours), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)
    return found


def convolved(g: Graph) -> str:
    return g.op("Conv", "x", numbers(4, 8, 3, 3))


def normalised(g: Graph) -> str:
    parts = (numbers(8), numbers(8), numbers(8), np.abs(numbers(8)) + 1)
    return g.op("BatchNormalization", "x", *parts)


def moved(g: Graph) -> str:
    return g.op("DepthToSpace", "x", blocksize=2)


def pooled(g: Graph) -> str:
    return g.op("MaxPool", "x", kernel_shape=[2, 2])


@pytest.mark.parametrize("build", [convolved, normalised, moved, pooled])
@pytest.mark.parametrize("columns", [3, 4])
def test_few_columns_are_columns_where_an_operator_reads_them(
    build: Callable[[Graph], str], columns: int, tmp_path: Path
) -> None:
    g = Graph(1, 8, 16, columns)
    found = imported(g, tmp_path, build(g), (1, 8, 16, columns))
    assert not found.notes
    assert str(found.network.inputs[0].shape) == f"8@16x{columns}"


def test_pictures_are_scaled_before_they_are_turned(tmp_path: Path) -> None:
    g = Graph("N", 12, 16, 2)  # two channels: the sizes alone say nothing
    y = g.op("Mul", g.op("Sub", "x", numbers(2)), np.float32(2))
    y = g.op("Conv", g.op("Transpose", y, perm=[0, 3, 1, 2]), numbers(4, 2, 3, 3))
    found = imported(g, tmp_path, y, (2, 12, 16, 2), last=True)
    assert str(found.network.inputs[0].shape) == "2@12x16"


def any_size(g: Graph, channels: int) -> str:
    y = g.op("Transpose", "x", perm=[0, 3, 1, 2])
    y = g.op("Relu", g.op("Conv", y, numbers(8, channels, 3, 3), pads=[1, 1, 1, 1]))
    y = g.op("Flatten", g.op("GlobalAveragePool", y))
    return g.op("Gemm", y, numbers(8, 10))


@pytest.mark.parametrize("channels", [3, 6])
def test_channels_last_with_open_sizes(channels: int, tmp_path: Path) -> None:
    g = Graph("N", "H", "W", channels)
    shapes = [(1, 12, 12, channels), (2, 11, 7, channels)]
    found = imported(g, tmp_path, any_size(g, channels), *shapes, last=True)
    assert str(found.network.inputs[0].shape) == f"{channels}@HxW"


def test_channels_last_with_one_open_size(tmp_path: Path) -> None:
    g = Graph("N", 12, "W", 3)
    found = imported(g, tmp_path, any_size(g, 3), (1, 12, 9, 3), last=True)
    assert str(found.network.inputs[0].shape) == "3@12xW"


def test_an_open_size_is_given_channels_first(tmp_path: Path) -> None:
    """As the message says that asks for one."""
    g = Graph("N", "H", "W", 3)
    y = g.op("Transpose", "x", perm=[0, 3, 1, 2])
    y = g.op("Flatten", g.op("Conv", y, numbers(2, 3, 3, 3)))
    y = g.op("Gemm", y, numbers(2 * 10 * 8, 5))
    found = imported(g, tmp_path, y, (1, 12, 10, 3), last=True, size="3x12x10")
    assert str(found.network.inputs[0].shape) == "3@12x10"
