import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper
from PIL import Image

from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime import Samples, gather, open_model, run, stream
from tests.support.small_models import channel_means, difference, identity, model

X = np.arange(5 * 3 * 8 * 8, dtype=np.float32).reshape(5, 3, 8, 8)


def array_file(folder: Path, array: Any, name: str = "x.npy") -> Path:
    np.save(folder / name, array)
    return folder / name


def picture(folder: Path, colour: tuple[int, int, int], name: str, size: int = 8) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), colour).save(folder / name)
    return folder / name


# Arrays


def test_arrays_go_in_as_they_are() -> None:
    results = run(identity(), X, threads=1)
    np.testing.assert_array_equal(results["y"], X)
    assert results.sources == tuple(f"array 0[{n}]" for n in range(5))
    assert repr(results) == "<Results of 5: y: 5x3x8x8>"
    assert list(results) == ["y"] and len(results) == 1


def test_one_example_needs_no_batch() -> None:
    results = run(identity(), X[0], threads=1)
    assert results["y"].shape == (1, 3, 8, 8) and results.sources == ("array 0",)


def test_arrays_in_files_and_in_memory_follow_each_other(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", X[:1])
    inputs = [array_file(tmp_path, X), X[:2], str(tmp_path / "x.npz")]
    results = run(identity(), inputs, threads=1)
    np.testing.assert_array_equal(results["y"], np.concatenate([X, X[:2], X[:1]]))
    assert results.sources[4:7] == (f"{tmp_path / 'x.npy'}[4]", "array 1[0]", "array 1[1]")


@pytest.mark.parametrize("batch", [1, 2, 3, 5, 7, None])
def test_results_don_t_depend_on_the_batch(batch: int | None) -> None:
    np.testing.assert_array_equal(run(identity(), X, batch=batch, threads=1)["y"], X)


def test_a_fixed_batch_is_filled_up() -> None:
    opened = open_model(identity((2, 3, 8, 8)), threads=1)
    np.testing.assert_array_equal(run(opened, X)["y"], X)
    assert [len(r.sources) for r in stream(gather(opened, X), opened.choose())] == [2, 2, 1]


def test_another_batch_than_the_fixed_one_is_refused() -> None:
    with pytest.raises(UsageError, match="the model is fixed to batches of 2, not 3"):
        run(identity((2, 3, 8, 8)), X, batch=3, threads=1)
    with pytest.raises(UsageError, match="a batch has at least one example, not 0"):
        run(identity(), X, batch=0, threads=1)


@pytest.mark.parametrize("given", [np.float64, np.float16, np.int32, np.uint8])
@pytest.mark.parametrize("taken", [TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE])
def test_numbers_become_the_inputs_type(given: Any, taken: int) -> None:
    x = np.arange(4).astype(given)[None]
    results = run(identity(("N", 4), taken), x, threads=1)["y"]
    np.testing.assert_array_equal(results, x)
    assert results.dtype == helper.tensor_dtype_to_np_dtype(taken)


def test_several_inputs_go_by_their_names(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", left=X, right=X[::-1])
    results = run(difference(), tmp_path / "x.npz", batch=2, threads=1)
    np.testing.assert_array_equal(results["gap"], X - X[::-1])
    np.testing.assert_array_equal(results["sum"], X + X[::-1])
    left = array_file(tmp_path, X)
    same = run(difference(), {"left": left, "right": X[::-1]}, threads=1)
    np.testing.assert_array_equal(same["gap"], results["gap"])


def test_inputs_of_different_length_go_in_whole() -> None:
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    content = model(nodes, {"x": ("N", 2), "factor": ("M", 2)}, {"y": None})
    x = np.ones((40, 2), np.float32)
    results = run(content, {"x": x, "factor": 3 * x[:1]}, batch=2, threads=1)
    assert results["y"].shape == (40, 2) and results.sources == ("input",)
    content = model(nodes, {"x": ("N", 2), "factor": (1, 2)}, {"y": None})
    with pytest.raises(UsageError, match="`factor` in the input is 40x2, and the input takes 1x2"):
        run(content, {"x": x, "factor": x}, threads=1)


def test_an_input_may_be_one_number() -> None:
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    content = model(nodes, {"x": ("N", 2), "factor": ()}, {"y": None})
    x = np.ones((3, 2), np.float32)
    feeds = {"x": x, "factor": np.array(3, np.float32)}
    np.testing.assert_array_equal(run(content, feeds, threads=1)["y"], 3 * x)


def test_outputs_without_rows_are_kept_from_one_batch() -> None:
    nodes = [helper.make_node("ReduceMean", ["x"], ["mean"], keepdims=0)]
    content = model(nodes, {"x": ("N", 4)}, {"mean": None})
    x = np.ones((20, 4), np.float32)
    assert run(content, x, batch=20, threads=1)["mean"].shape == ()
    with pytest.raises(UsageError, match="output `mean` has another shape for each batch"):
        run(content, x, batch=10, threads=1)


# Pictures


def test_folders_are_searched_for_pictures(tmp_path: Path) -> None:
    last = picture(tmp_path / "b", (0, 0, 255), "a.PNG")
    first = picture(tmp_path / "a" / "deep", (255, 0, 0), "z.png")
    middle = picture(tmp_path / "a", (0, 255, 0), "y.jpeg")
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    opened = open_model(channel_means(), threads=1)
    samples = gather(opened, tmp_path)
    assert samples.count == 3 and samples.others == {".txt": 1}
    results = run(opened, tmp_path)
    assert results.sources == tuple(map(str, (middle, first, last)))
    np.testing.assert_array_equal(results["logits"].argmax(axis=1), [1, 0, 2])


def test_pictures_are_prepared_as_the_model_says(tmp_path: Path) -> None:
    path = picture(tmp_path, (10, 20, 30), "a.png")
    how = Preprocessing(scale=10, order="BGR")
    content = channel_means(**{"cnndsl.preprocessing": how.to_json()})
    np.testing.assert_allclose(run(content, path, threads=1)["logits"], [[3, 2, 1]])
    other = run(content, path, threads=1, preprocessing=Preprocessing(scale=1))
    np.testing.assert_allclose(other["logits"], [[10, 20, 30]])


def test_pictures_go_by_name_too(tmp_path: Path) -> None:
    left, right = picture(tmp_path, (51, 0, 0), "l.png"), picture(tmp_path, (0, 102, 0), "r.png")
    results = run(difference(), {"left": left, "right": str(right)}, threads=1)
    np.testing.assert_allclose(results["gap"][0, :, 0, 0], [0.2, -0.4, 0])


def test_pictures_of_different_sizes_make_batches_of_their_own(tmp_path: Path) -> None:
    for number, size in enumerate([8, 8, 9, 9, 9, 8]):
        picture(tmp_path, (number, 0, 0), f"{number}.png", size)
    opened = open_model(identity(("N", 3, "H", "W")), threads=1)
    shapes = [r["y"].shape for r in stream(gather(opened, tmp_path), opened.choose(), 2)]
    assert [(s[0], s[2]) for s in shapes] == [(2, 8), (2, 9), (1, 9), (1, 8)]
    with pytest.raises(UsageError, match="output `y` has another shape for each batch"):
        run(opened, tmp_path)


def test_memory_stays_flat(tmp_path: Path) -> None:
    one = picture(tmp_path, (1, 2, 3), "a.png", 256)
    opened = open_model(channel_means(("N", 3, 256, 256)), threads=1)
    peaks: list[int] = []
    for count in (4, 40):
        tracemalloc.start()
        for results in stream(gather(opened, [one] * count), opened.choose(), 2):
            assert len(results.sources) == 2
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


def test_a_batch_that_is_too_large_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: Any, **__: Any) -> Any:
        raise MemoryError

    path = picture(tmp_path, (1, 2, 3), "a.png")
    opened = open_model(identity(), threads=1)
    monkeypatch.setattr(np, "concatenate", exhausted)
    with pytest.raises(UsageError, match="the batch doesn't fit into memory; make it smaller"):
        run(opened, [path, path])


def test_whole_arrays_join_no_batch() -> None:
    nodes = [helper.make_node("Mul", ["x", "factor"], ["y"])]
    content = model(nodes, {"x": ("N", 2), "factor": ("M", 2)}, {"y": None})
    opened = open_model(content, threads=1)
    whole = gather(opened, {"x": np.ones((3, 2)), "factor": np.ones((1, 2))})
    twice = Samples(opened, whole.parts * 2)
    assert [r["y"].shape for r in stream(twice, opened.choose())] == [(3, 2), (3, 2)]
