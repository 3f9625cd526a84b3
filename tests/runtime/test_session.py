import importlib
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from onnx import helper

from cnndsl.diagnostics import UsageError
from cnndsl.runtime import session as module
from cnndsl.runtime.session import available_cores, open_session, plain, run_session
from tests.support.small_models import channel_means, identity, model, saved


def test_a_session_runs_a_model_in_memory() -> None:
    opened = open_session(identity(("N", 2)), threads=1)
    x = np.ones((3, 2), np.float32)
    np.testing.assert_array_equal(run_session(opened, ["y"], {"x": x})["y"], x)


def test_what_fails_while_running_is_one_sentence() -> None:
    opened = open_session(channel_means(), threads=1)
    with pytest.raises(UsageError, match="the model fails on `image` 1x2x8x8: Got invalid dim"):
        run_session(opened, ["logits"], {"image": np.ones((1, 2, 8, 8), np.float32)})


def test_without_onnx_runtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(UsageError) as error:
        open_session(identity())
    assert str(error.value) == (
        "running a model needs ONNX Runtime: `pip install cnndsl[cpu]` or `pip install cnndsl[gpu]`"
    )


def test_a_broken_onnx_runtime_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('libcudart.so is missing')")
    with pytest.raises(UsageError, match=r"can't be loaded: libcudart.so is missing"):
        open_session(identity())
    (tmp_path / "onnxruntime.py").write_text("import no_such_module_anywhere")
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        open_session(identity())


def test_what_onnx_runtime_refuses_is_one_sentence(tmp_path: Path) -> None:
    nodes = [helper.make_node("Unheard", ["x"], ["y"])]
    path = saved(tmp_path, model(nodes, {"x": ("N",)}, {"y": None}))
    with pytest.raises(UsageError, match=rf"^`{path}` can't be loaded: .* No Op registered for Un"):
        open_session(path, threads=1)


def test_other_devices_are_refused() -> None:
    with pytest.raises(UsageError, match="the device is `cpu` or `cuda`, not `tpu`"):
        open_session(identity(), device="tpu")


class FakeRuntime(SimpleNamespace):
    """ONNX Runtime with CUDA built in, whose CUDA libraries may be missing."""

    def __init__(self, providers: list[str]):
        super().__init__(
            SessionOptions=SimpleNamespace,
            InferenceSession=lambda *_, **__: self.session,
            get_available_providers=lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
            preload_dlls=lambda: self.calls.append("preload"),
        )
        self.calls: list[str] = []
        self.session = SimpleNamespace(
            get_providers=lambda: providers, disable_fallback=lambda: self.calls.append("strict")
        )


def test_cuda_never_falls_back_to_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRuntime(["CUDAExecutionProvider", "CPUExecutionProvider"])
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    assert open_session(identity(), device="cuda") is fake.session
    assert fake.calls == ["preload", "strict"]


def test_missing_cuda_libraries_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", FakeRuntime(["CPUExecutionProvider"]))
    with pytest.raises(UsageError, match=r"the CUDA libraries .* can't be loaded"):
        open_session(identity(), device="cuda")


def test_an_onnx_runtime_without_cuda_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeRuntime([])
    fake.get_available_providers = lambda: ["CPUExecutionProvider"]
    monkeypatch.setitem(sys.modules, "onnxruntime", fake)
    with pytest.raises(UsageError, match=r"has no CUDA: .* `pip install cnndsl\[gpu\]`"):
        open_session(identity(), device="cuda")


def test_threads_are_those_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 3, 5}, raising=False)
    monkeypatch.setattr(module, "_quota", lambda: 0)
    assert available_cores() == 3
    monkeypatch.setattr(module, "_quota", lambda: 2)
    assert available_cores() == 2
    monkeypatch.setattr(module, "_quota", lambda: 64)
    assert available_cores() == 3


def test_without_affinities_the_machine_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setattr(module, "_quota", lambda: 0)
    assert available_cores() == 1


@pytest.mark.parametrize(
    ("files", "groups", "cores"),
    [
        ({}, "0::/\n", 0),
        ({"cpu.max": "150000 100000"}, "0::/\n", 2),
        ({"cpu.max": "max 100000"}, "0::/\n", 0),
        ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "max 100000"}, "0::/a/b\n", 4),
        ({"a/cpu.max": "400000 100000", "a/b/cpu.max": "300000 100000"}, "0::/a/b\n", 3),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, "1:name=x:/\n", 0),
        (
            {"cpu/job/cpu.cfs_quota_us": "250000", "cpu/job/cpu.cfs_period_us": "100000"},
            "4:cpu,cpuacct:/job\n3:memory:/other\n",
            3,
        ),
        ({"cpu.max": "nonsense"}, "nonsense", 0),
    ],
)
def test_a_containers_quota_counts(
    tmp_path: Path, files: dict[str, str], groups: str, cores: int
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    own = tmp_path / "own"
    own.write_text(groups)
    quota: Any = vars(module)["_quota"]
    assert quota(tmp_path, own) == cores


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("[ONNXRuntimeError] : 7 : INVALID_PROTOBUF : Load model failed:Protobuf parsing failed.",
         "it is no ONNX model, or a damaged one"),
        ("[ONNXRuntimeError] : 1 : FAIL : /src/core/model.cc:181 onnxruntime::Model::Model("
         "onnx::ModelProto&&, const logging::Logger&) Unsupported model IR version: 99.\nmore",
         "Unsupported model IR version: 99"),
        ("[ONNXRuntimeError] : 1 : FAIL : tensor.cc:4 ValidateAll Absolute path not allowed",
         "Absolute path not allowed"),
        ("[ONNXRuntimeError] : 2 : INVALID_ARGUMENT : Non-zero status code returned while running "
         "Add node. Name:'sum' Status Message: 3 by 4", "at `sum` (Add): 3 by 4"),
    ],
)  # fmt: skip
def test_messages_lose_their_codes_and_places(message: str, text: str) -> None:
    assert plain(Exception(message)) == text


def test_without_control_groups_there_is_no_quota(tmp_path: Path) -> None:
    quota: Any = vars(module)["_quota"]
    assert quota(tmp_path, tmp_path / "missing") == 0
