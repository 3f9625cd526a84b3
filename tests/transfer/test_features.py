"""Features: what comes out of a net's layers for every example of a data set."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import onnx
import onnx.parser
import pytest

from cnndsl.data.dataset import DataSet
from cnndsl.data.opening import open_data
from cnndsl.diagnostics import UsageError
from cnndsl.preprocessing import Preprocessing
from cnndsl.runtime.pictures import picture_input
from cnndsl.transfer import features as module
from cnndsl.transfer.extractors import model_extractor, network_extractor, open_extractor
from cnndsl.transfer.feature_files import check_output, write_features
from cnndsl.transfer.features import Features, extract
from cnndsl.transfer.projection import projected
from cnndsl.verbs import compile
from cnndsl.weights import initial_weights
from tests.data.making import class_folders
from tests.support.data import real_data
from tests.support.specs import network

SPEC = """cnndsl 1
net Small(classes=4)
input image 3@16x16
stem: conv 3x3 6 p1 relu -> pool 2x2 s2
last: conv 3x3 5 p1 relu
gap -> dropout 0.2
logits: fc classes
"""
NET = network(SPEC)
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    folders = class_folders(
        tmp_path / "data", {"train/ant": 3, "train/bee": 4, "val/ant": 2, "val/bee": 1}
    )
    return open_data(folders)


def made(data: DataSet, at: tuple[str, ...] = (), **how: object) -> Features:
    extractor = network_extractor(NET, initial_weights(NET), at, threads=1)
    return extract(extractor, data, picture_input(extractor.model), **how)  # pyright: ignore


def test_the_value_before_the_head_is_the_default(data: DataSet) -> None:
    seen: list[int] = []
    found = made(data, batch=3, progress=seen.append)
    assert {n: a.shape for n, a in found.arrays.items()} == {"gap1": (10, 5)}
    assert sum(seen) == 10
    assert found.labels.tolist() == [0, 0, 0, 1, 1, 1, 1, 0, 0, 1]
    assert found.split.tolist() == ["train"] * 7 + ["val"] * 3
    assert found.names[0].startswith("train/ant/")
    assert found.of("val").sum() == 3
    assert found.classes == ("ant", "bee")


def test_maps_are_pooled_or_kept(data: DataSet) -> None:
    pooled = made(data, ("stem", "last", "logits"), splits=["val"])
    assert {n: a.shape[1:] for n, a in pooled.arrays.items()} == {
        "stem": (6,), "last": (5,), "logits": (4,)
    }  # fmt: skip
    kept = made(data, ("stem",), splits=["val"], keep_maps=True).arrays["stem"]
    assert kept.shape == (3, 6, 8, 8)
    np.testing.assert_allclose(pooled.arrays["stem"], kept.mean(axis=(2, 3)), rtol=1e-5)
    greatest = made(data, ("stem",), splits=["val"], pool="max").arrays["stem"]
    assert np.array_equal(greatest, kept.max(axis=(2, 3)))
    flat = made(data, ("stem",), splits=["val"], pool="none").arrays["stem"]
    assert np.array_equal(flat, kept.reshape(3, -1))


def test_a_dense_layer_on_maps_takes_them_value_for_value(data: DataSet) -> None:
    net = network("cnndsl 1\nnet F\ninput x 3@8x8\nconv 3x3 4 s2 p1 relu\nfc 3\n")
    extractor = network_extractor(net, initial_weights(net), threads=1)
    found = extract(extractor, data, picture_input(extractor.model))
    assert found.arrays["relu1"].shape == (10, 64)


def test_models_of_a_fixed_batch_give_the_same(data: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    compile(NET, path, batch=4, preprocessing=Preprocessing(scale=127.5, mean=(1.0,)))
    extractor = model_extractor(path, threads=1)
    assert extractor.preprocessing == Preprocessing(scale=127.5, mean=(1.0,))
    found = extract(extractor, data, picture_input(extractor.model))
    whole = network_extractor(NET, initial_weights(NET), threads=1)
    same = extract(whole, data, picture_input(whole.model, extractor.preprocessing))
    np.testing.assert_allclose(found.arrays["gap1"], same.arrays["gap1"], rtol=1e-5, atol=1e-6)


def test_pictures_that_cant_be_read_are_left_out(data: DataSet, tmp_path: Path) -> None:
    first = next((tmp_path / "data" / "train" / "ant").iterdir())
    first.write_bytes(b"no picture")
    found = made(data)
    assert len(found.labels) == len(found.names) == 9
    assert [Path(name).name for name in found.skipped] == [first.name]


def test_what_doesnt_fit_into_memory(data: DataSet, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    with pytest.raises(UsageError, match=r"10 examples of 5 would take 0 GiB"):
        made(data)


def test_rows_that_arent_those_of_pictures(data: DataSet, tmp_path: Path) -> None:
    """A layer that takes channels for examples has as many rows as pictures times channels."""
    graph = onnx.parser.parse_graph(
        "g (float[N, 3, 16, 16] x) => (float[M, 256] rows)"
        "<int64[2] shape = {-1, 256}> { rows = Reshape(x, shape) }"
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, tmp_path / "mixed.onnx")
    extractor = open_extractor(tmp_path / "mixed.onnx", ("rows",), threads=1)
    with pytest.raises(UsageError, match="12x256 for 4 pictures"):
        extract(extractor, data, picture_input(extractor.model), batch=4)


def test_files(data: DataSet, tmp_path: Path) -> None:
    path = tmp_path / "f.npz"
    write_features(made(data), path)
    with np.load(path) as arrays:
        assert set(arrays.files) == {"features", "labels", "names", "split", "classes"}
        assert arrays["features"].dtype == np.float32
        assert arrays["classes"].tolist() == ["ant", "bee"]
    write_features(made(data, ("stem", "last")), path)
    with np.load(path) as arrays:
        assert {"features.stem", "features.last"} <= set(arrays.files)


def test_tables(data: DataSet, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "f.parquet"
    check_output(path, False)
    found = made(data)
    write_features(found, path)
    table = parquet.read_table(path)
    assert table.column_names == ["features", "labels", "class", "names", "split"]
    assert table["class"].to_pylist()[-1] == "bee"
    assert np.array_equal(np.array(table["features"].to_pylist(), np.float32), found.arrays["gap1"])


@pytest.mark.parametrize(
    ("name", "keep_maps", "message"),
    [
        ("f.csv", False, "features go to .npz, .parquet, .svg, and"),
        ("no/f.npz", False, "there is no folder"),
        ("f.parquet", True, "so maps go into an .npz"),
    ],
)
def test_places_that_features_cant_go(
    name: str, keep_maps: bool, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=message):
        check_output(tmp_path / name, keep_maps)


def test_a_model_takes_no_other_weights(tmp_path: Path) -> None:
    path = tmp_path / "small.onnx"
    compile(NET, path)
    with pytest.raises(UsageError, match="has weights of its own"):
        open_extractor(path, weights=path)
    assert open_extractor(path, ["last"], threads=1).outputs == {"last": "last.relu1"}


@pytest.mark.data
@pytest.mark.slow
def test_real_features_tell_ants_from_bees() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    data = open_data(real_data("hymenoptera"))
    extractor = model_extractor(real_data("weights", "squeezenet1_1_fp16.onnx"))
    how = Preprocessing(scale=1, mean=(104, 117, 123), order="BGR", resize=256)
    found = extract(extractor, data, picture_input(extractor.model, how))
    (values,) = found.arrays.values()
    assert values.shape == (398, 512)
    train, val = found.of("train"), found.of("val")
    model = linear.LogisticRegression(C=0.3, max_iter=5000).fit(values[train], found.labels[train])
    assert model.score(values[val], found.labels[val]) >= 0.915


def test_a_drawing_has_a_point_for_each_example(data: DataSet, tmp_path: Path) -> None:
    write_features(made(data, ("stem",)), tmp_path / "f.svg")
    drawing = ElementTree.parse(tmp_path / "f.svg").getroot()
    assert len([*drawing.iter(f"{SVG}circle")]) == 10 + 2  # and the legend's
    assert [text.text for text in drawing.iter(f"{SVG}text")] == ["ant", "bee"]
    with pytest.raises(UsageError, match="choose one of `stem`, `last`"):
        write_features(made(data, ("stem", "last")), tmp_path / "g.svg")


@pytest.mark.parametrize("columns", [1, 2, 5, 60])
def test_principal_components(columns: int) -> None:
    values = np.random.default_rng(0).normal(3, 1, (40, columns)).astype(np.float32)
    covariance = np.atleast_2d(np.cov(values.T.astype(np.float64)))
    largest = np.sort(np.linalg.eigvalsh(covariance))[::-1][:2]
    found = projected(values).var(axis=0, ddof=1)
    np.testing.assert_allclose(found[: len(largest)], largest, rtol=1e-4)


def test_t_sne_keeps_groups_apart() -> None:
    pytest.importorskip("sklearn")
    random = np.random.default_rng(0)
    values = np.concatenate([random.normal(0, 1, (20, 9)), random.normal(9, 1, (20, 9))])
    plane = projected(values.astype(np.float32), "tsne")
    apart = np.linalg.norm(plane[:20].mean(axis=0) - plane[20:].mean(axis=0))
    assert apart > 2 * plane[:20].std(axis=0).max()


@pytest.mark.parametrize(
    ("values", "message"),
    [(np.ones((2, 3)), "too few"), (np.array([[1], [np.nan], [2.0]]), "no finite numbers")],
)
def test_features_without_a_place(values: np.ndarray, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        projected(values.astype(np.float32))
