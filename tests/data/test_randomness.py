import numpy as np
import pytest

from cnndsl.data.randomness import key, normals, order, uniforms


def test_numbers_follow_from_their_keys_alone() -> None:
    indices = np.array([7, 3, 7, 1000])
    drawn = uniforms(key(0, 1, "augment"), indices, 5)
    np.testing.assert_array_equal(drawn[0], drawn[2])
    np.testing.assert_array_equal(uniforms(key(0, 1, "augment"), indices[1:2], 5)[0], drawn[1])
    np.testing.assert_array_equal(uniforms(key(0, 1, "augment"), indices, 3), drawn[:, :3])
    assert not np.isin(uniforms(key(0, 2, "augment"), indices, 5), drawn).any()
    noise = normals(9, indices, 6)
    np.testing.assert_array_equal(normals(9, indices[3:], 6)[0], noise[3])


def test_they_are_the_same_for_ever() -> None:
    # What the checkpoints of earlier versions rely on
    assert key(0, 3, "augment") == 232104787072838971
    assert uniforms(5, np.arange(2), 2).tolist() == [
        [0.9798413679101445, 0.10586891218534489],
        [0.19729448907874025, 0.5292823941155612],
    ]
    assert normals(5, np.arange(1), 5)[0].tolist() == pytest.approx(
        [-0.647578, -0.145955, 1.194651, 2.050364, -0.151988], abs=1e-6
    )
    assert order(5, 8).tolist() == [3, 4, 2, 5, 0, 7, 1, 6]


def test_splitmix_is_the_published_one() -> None:
    # The first outputs of the reference implementation for the seed 1234567
    from cnndsl.data.randomness import _words

    words = _words(np.uint64(1234567), np.arange(3)).tolist()
    assert words == [6457827717110365317, 3203168211198807973, 9817491932198370423]


def test_keys_differ() -> None:
    parts = [
        (0,), (1,), (-1,), (1 << 64,), (0, 0), (0, 1), (1, 0), ("a",), ("b",), ("ab",),
        (0, "a"), (0, "abcdefgh"), (0, "abcdefghi"), (97,),
    ]  # fmt: skip
    keys = {key(*part) for part in parts}
    assert len(keys) == len(parts)
    assert all(0 <= k < 1 << 64 for k in keys)


def test_uniforms_are_even_and_independent() -> None:
    drawn = uniforms(key(3), np.arange(20_000), 8)
    assert drawn.min() >= 0 and drawn.max() < 1
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(drawn.std(axis=0), 12**-0.5, atol=0.01)
    assert np.abs(np.corrcoef(drawn.T) - np.eye(8)).max() < 0.03
    assert abs(np.corrcoef(drawn[1:, 0], drawn[:-1, 0])[0, 1]) < 0.03


def test_normals_are_normal() -> None:
    drawn = normals(4, np.arange(200), 501).astype(float)
    assert abs(drawn.mean()) < 0.01 and abs(drawn.std() - 1) < 0.01
    assert abs((drawn**3).mean()) < 0.05 and abs((drawn**4).mean() - 3) < 0.1
    assert abs(np.corrcoef(drawn[:, 1:].ravel(), drawn[:, :-1].ravel())[0, 1]) < 0.01


def test_an_order_has_everything_once() -> None:
    shuffled = order(key(0, 0, "order"), 1000)
    assert sorted(shuffled) == list(range(1000))
    assert (shuffled != order(key(0, 1, "order"), 1000)).any()
    assert np.abs(np.corrcoef(shuffled, np.arange(1000))[0, 1]) < 0.1
