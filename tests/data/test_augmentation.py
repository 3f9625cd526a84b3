from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from cnndsl.data.augmentation import Augmentation, plan, preset

EVERYTHING = Augmentation(
    rotation=20,
    width_shift=0.1,
    height_shift=0.2,
    shear=10,
    zoom=(0.8, 1.5),
    horizontal_flip=0.5,
    vertical_flip=0.25,
    brightness=0.3,
    contrast=0.4,
    noise=0.1,
    erase=0.5,
)


def test_a_plan_depends_on_seed_epoch_and_index_alone() -> None:
    indices = np.array([5, 9, 2])
    whole, other = plan(EVERYTHING, 1, 2, indices), plan(EVERYTHING, 1, 2, indices[::-1])
    for name in ("matrices", "shifts", "brightness", "contrast", "erased"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(other, name)[::-1])
        np.testing.assert_array_equal(
            getattr(whole, name)[1:2], getattr(plan(EVERYTHING, 1, 2, indices[1:2]), name)
        )
        for changed in (plan(EVERYTHING, 0, 2, indices), plan(EVERYTHING, 1, 3, indices)):
            assert (getattr(whole, name)[0] != getattr(changed, name)[0]).any() or name == "erased"


def test_numbers_stay_within_their_bounds() -> None:
    drawn = plan(EVERYTHING, 0, 0, np.arange(4000))
    across, down = np.abs(drawn.shifts).T
    assert 0.099 < across.max() <= 0.1 and 0.199 < down.max() <= 0.2
    assert 0.7 <= drawn.brightness.min() < 0.71 and 1.29 < drawn.brightness.max() <= 1.3001
    assert 0.6 <= drawn.contrast.min() < 0.61 and 1.39 < drawn.contrast.max() <= 1.4001
    # A plan's matrix makes areas smaller by zoom², and negative where one flip is drawn
    determinant = np.linalg.det(drawn.matrices)
    zoom = np.abs(determinant) ** -0.5
    assert 0.8 <= zoom.min() < 0.81 and 1.49 < zoom.max() <= 1.5001
    assert abs((determinant < 0).mean() - (0.5 * 0.75 + 0.5 * 0.25)) < 0.03
    turned = np.degrees(np.arcsin(np.abs(drawn.matrices[:, 1, 0]) * zoom))
    assert 19.8 < turned.max() <= 20.001
    erased = drawn.erased[drawn.erased.any(axis=1)]
    assert abs(len(erased) / 4000 - 0.5) < 0.03
    width, height = (erased[:, 2:] - erased[:, :2]).T
    assert erased.min() >= 0 and erased.max() <= 1
    area, proportion = width * height, width / height
    assert area.min() >= 0.02 - 1e-9 and area.max() <= 0.2 + 1e-9
    assert proportion.min() >= 0.5 - 1e-9 and proportion.max() <= 2 + 1e-9


def test_nothing_is_done_by_default() -> None:
    drawn = plan(Augmentation(), 0, 0, np.arange(9))
    np.testing.assert_array_equal(drawn.matrices, np.broadcast_to(np.eye(2), (9, 2, 2)))
    assert not drawn.shifts.any() and not drawn.erased.any()
    assert (drawn.brightness == 1).all() and (drawn.contrast == 1).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rotation": -1}, "`rotation` is a number from 0 to 180"),
        ({"rotation": 181}, "`rotation` is a number from 0 to 180"),
        ({"width_shift": 4}, "`width-shift` is a number from 0 to 1"),
        ({"shear": 89}, "`shear` is a number from 0 to 60"),
        ({"noise": float("nan")}, "`noise` is a number from 0 to 1"),
        ({"fill_value": 300}, "`fill-value` is a number from 0 to 255"),
        ({"zoom": (1.2, 0.8)}, "`zoom` is the least and the most enlargement"),
        ({"zoom": (0.01, 1)}, "`zoom` is the least and the most enlargement, from 0.25 to 4"),
        ({"fill": "mirror"}, "`fill` is one of constant, nearest, reflect, wrap"),
    ],
)
def test_what_can_t_be_meant_is_said(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Augmentation(**values)


def test_presets_mirror_only_what_may_be() -> None:
    assert preset("none") is None
    for name in ("light", "strong"):
        able, unable = preset(name), preset(name, mirror=False)
        assert able and unable
        assert able.horizontal_flip == 0.5 and able.vertical_flip == 0
        assert unable == replace(able, horizontal_flip=0)
    with pytest.raises(KeyError):
        preset("heavy")


def test_light_moves_whole_pixels_and_strong_turns() -> None:
    light, strong = preset("light"), preset("strong")
    assert light and strong
    assert light.geometric and not light.turns
    assert strong.turns


def test_it_describes_itself() -> None:
    assert Augmentation().describe() == "none"
    assert Augmentation(noise=0.1).describe() == "noise 0.1"
    said = EVERYTHING.describe()
    assert said.endswith("fill reflect 0") and "zoom 0.8–1.5" in said
    for name in (f.name for f in fields(Augmentation)[:11]):
        assert name.replace("_", "-") in said
