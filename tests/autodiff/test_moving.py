"""Values moved about: shapes, joints, borders, indices, sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.autodiff.check import Array, check_gradient
from tests.support.peers import torch

FEW = settings(max_examples=25)


def array(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


@pytest.mark.torch
def test_shapes() -> None:
    x = array(2, 3, 4)
    constant = {"constants": [1]}
    check_gradient("Reshape", [x, np.array([4, 6])], [0], **constant)
    check_gradient("Flatten", [x], [0], axis=1)
    check_gradient("Unsqueeze", [x, np.array([0, 4])], [0], **constant)
    check_gradient("Squeeze", [array(2, 1, 3), np.array([1])], [0], **constant)
    check_gradient("Transpose", [x], [0], torch_function=lambda x: x.permute(2, 1, 0))
    check_gradient(
        "Transpose", [x], [0], perm=[1, 2, 0], torch_function=lambda x: x.permute(1, 2, 0)
    )
    check_gradient("Identity", [x], [0])
    check_gradient("Dropout", [x], [0], torch_function=lambda x: x)
    check_gradient(
        "Expand",
        [array(3, 1), np.array([2, 3, 4])],
        [0],
        constants=[1],
        torch_function=lambda x, _: x.expand(2, 3, 4),
    )


@pytest.mark.torch
@pytest.mark.parametrize("wanted", [[0, 1, 2], [1], [0, 2]])
def test_concat(wanted: list[int]) -> None:
    arrays = [array(2, n, 3, seed=n) for n in (1, 2, 4)]
    check_gradient("Concat", arrays, wanted, axis=-2, torch_function=lambda *x: torch().cat(x, 1))


@pytest.mark.torch
@pytest.mark.parametrize("graded", [1, 3])
def test_split(graded: int) -> None:
    check_gradient(
        "Split",
        [array(2, 7, 3), np.array([1, 2, 4])],
        [0],
        constants=[1],
        outputs=3,
        graded=graded,
        axis=1,
        torch_function=lambda x, _: x.split([1, 2, 4], 1)[:graded],
    )


@st.composite
def slices(draw: st.DrawFn) -> tuple[Array, list[int], list[int], list[int], list[int]]:
    shape = draw(st.lists(st.integers(1, 6), min_size=1, max_size=3))
    axes = draw(st.lists(st.integers(0, len(shape) - 1), min_size=1, unique=True))
    starts, ends, steps = [], [], []
    for axis in axes:
        n, step = shape[axis], draw(st.sampled_from([1, 1, 2, 3, -1, -2]))
        first = draw(st.integers(0, n - 1))
        starts.append(first - n if draw(st.booleans()) else first)
        low = -(2**62) if step < 0 else first + 1
        ends.append(draw(st.sampled_from([low, 2**62 if step > 0 else low, low])))
        steps.append(step)
    return array(*shape), starts, ends, axes, steps


@FEW
@given(slices())
def test_slice(case: tuple[Array, list[int], list[int], list[int], list[int]]) -> None:
    x, *numbers = case
    check_gradient("Slice", [x, *(np.array(n) for n in numbers)], [0], constants=[1, 2, 3, 4])


@pytest.mark.torch
@pytest.mark.parametrize("mode", ["constant", "reflect", "edge"])
@pytest.mark.parametrize("pads", [[0, 0, 1, 2, 0, 0, 2, 1], [0, 0, 0, 3, 0, 0, 1, 0]])
def test_pad(mode: str, pads: list[int]) -> None:
    sides = [pads[3], pads[7], pads[2], pads[6]]
    name = {"edge": "replicate"}.get(mode, mode)
    pad = torch().nn.functional.pad
    check_gradient(
        "Pad",
        [array(2, 3, 5, 4), np.array(pads)],
        [0],
        constants=[1],
        mode=mode,
        torch_function=lambda x, _: pad(x, sides, name),
    )


@pytest.mark.torch
def test_pad_of_named_axes_takes_off_too() -> None:
    pad = torch().nn.functional.pad
    check_gradient(
        "Pad",
        [array(2, 3, 5), np.array([2, -1]), None, np.array([2])],
        [0],
        constants=[1, 3],
        torch_function=lambda x, *_: pad(x, [2, -1]),
    )


@pytest.mark.torch
def test_wrap() -> None:
    pad = torch().nn.functional.pad
    check_gradient(
        "Pad",
        [array(2, 3, 5), np.array([0, 0, 2, 0, 0, 3])],
        [0],
        constants=[1],
        mode="wrap",
        opset=19,
        torch_function=lambda x, _: pad(x, [2, 3], "circular"),
    )


@pytest.mark.torch
def test_depth_and_space() -> None:
    shuffle = torch().nn.functional.pixel_shuffle
    x = array(2, 8, 3, 2)
    check_gradient(
        "DepthToSpace", [x], [0], blocksize=2, mode="CRD", torch_function=lambda x: shuffle(x, 2)
    )
    check_gradient("DepthToSpace", [x], [0], blocksize=2, mode="DCR")
    check_gradient("SpaceToDepth", [array(2, 3, 4, 6)], [0], blocksize=2)


@pytest.mark.parametrize("constant", [True, False])
@pytest.mark.parametrize("chosen", [[2, 0, 1, 3], [1, 1, 3], [0], [[1, 2], [3, -1]]])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_gather(chosen: list[Any], axis: int, constant: bool) -> None:
    check_gradient(
        "Gather",
        [array(4, 4, 4), np.array(chosen)],
        [0],
        constants=[1] if constant else [],
        axis=axis,
    )


@pytest.mark.torch
def test_elements() -> None:
    x, updates = array(3, 4), array(2, 4, seed=1)
    indices = np.array([[0, 1, 2, 0], [1, 2, 0, 2]])
    check_gradient(
        "GatherElements",
        [x, indices],
        [0],
        axis=0,
        torch_function=lambda x, i: x.gather(0, i),
    )
    check_gradient(
        "ScatterElements",
        [x, indices, updates],
        [0, 2],
        axis=0,
        torch_function=lambda x, i, u: x.scatter(0, i, u),
    )
    check_gradient(
        "ScatterElements",
        [x, indices, updates],
        [0, 2],
        axis=0,
        reduction="add",
        torch_function=lambda x, i, u: x.scatter_add(0, i, u),
    )


@pytest.mark.torch
def test_unpool() -> None:
    indices = np.array([0, 3, 9, 14]).reshape(1, 1, 2, 2)
    unpool = torch().nn.functional.max_unpool2d
    check_gradient(
        "MaxUnpool",
        [array(1, 1, 2, 2), indices],
        [0],
        kernel_shape=[2, 2],
        strides=[2, 2],
        finite=False,
        torch_function=lambda x, i: unpool(x, i, 2),
    )


RESIZINGS = [
    ("nearest", "asymmetric", {"nearest_mode": "floor"}, "nearest"),
    ("nearest", "half_pixel", {"nearest_mode": "round_prefer_ceil"}, "nearest-exact"),
    ("linear", "half_pixel", {}, "linear"),
    ("linear", "align_corners", {}, "linear aligned"),
    ("cubic", "half_pixel", {}, "bicubic"),
    ("linear", "asymmetric", {}, None),
    ("cubic", "half_pixel", {"exclude_outside": 1}, None),
    ("nearest", "asymmetric", {"nearest_mode": "ceil"}, None),
    ("nearest", "half_pixel", {}, None),
    ("linear", "pytorch_half_pixel", {}, None),
]


@pytest.mark.torch
@pytest.mark.parametrize(("mode", "coordinates", "more", "peer"), RESIZINGS)
@pytest.mark.parametrize("sizes", [(8, 6), (4, 9), (7, 5), (2, 2)])
def test_resize(
    mode: str, coordinates: str, more: dict[str, Any], peer: str | None, sizes: tuple[int, int]
) -> None:
    interpolate = torch().nn.functional.interpolate
    name = {"linear": "bilinear", "linear aligned": "bilinear"}.get(peer or "", peer)
    aligned = {"align_corners": True} if peer == "linear aligned" else {}
    check_gradient(
        "Resize",
        [array(2, 3, 4, 3), None, None, np.array([2, 3, *sizes])],
        [0],
        constants=[3],
        finite=mode != "cubic",
        torch_function=(lambda x, *_: interpolate(x, sizes, mode=name, **aligned))
        if peer
        else None,
        mode=mode,
        coordinate_transformation_mode=coordinates,
        **more,
    )


@pytest.mark.torch
@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_whole_factors(rank: int, mode: str) -> None:
    name = mode if mode == "nearest" else ("linear", "bilinear", "trilinear")[rank - 1]
    interpolate = torch().nn.functional.interpolate
    coordinates = "asymmetric" if mode == "nearest" else "half_pixel"
    check_gradient(
        "Resize",
        [array(2, 3, *(3, 4, 2)[:rank]), None, np.array([1, 1, 2, 3, 2][: rank + 2], np.float32)],
        [0],
        constants=[2],
        torch_function=lambda x, *_: interpolate(x, scale_factor=(2, 3, 2)[:rank], mode=name),
        mode=mode,
        coordinate_transformation_mode=coordinates,
        nearest_mode="floor",
    )
