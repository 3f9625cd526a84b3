"""The one door to ONNX Runtime: sessions, devices, threads, and its errors in plain words."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Protocol, cast

import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.graphs.safety import check_model, check_sizes
from cnndsl.printing import encodable

Array = npt.NDArray[Any]

DEVICES = ("cpu", "cuda")
INSTALL = "`pip install cnndsl[cpu]` or `pip install cnndsl[gpu]`"
_CPP_PLACE = (  # `tensor.cc:12 `, and the function's signature or name, which may follow
    r"\S+\.(?:cc|h|cpp):\d+ "
    r"(?:[^()]*::[^()]*\([^()]*\) (?:const )?|[A-Z]\w+[a-z][A-Z]\w* )?"
)
_SILENT = 4  # only fatal messages: what goes wrong comes as an exception, and is said once


class Node(Protocol):
    """An input or an output as ONNX Runtime describes it; open sizes are names or None."""

    name: str
    shape: Sequence[int | str | None]
    type: str


class Metadata(Protocol):
    """What a model says about itself."""

    custom_metadata_map: Mapping[str, str]


class Session(Protocol):
    """What cnndsl uses of onnxruntime.InferenceSession, which has no type hints of its own."""

    def get_inputs(self) -> Sequence[Node]: ...
    def get_outputs(self) -> Sequence[Node]: ...
    def get_providers(self) -> Sequence[str]: ...
    def get_modelmeta(self) -> Metadata: ...
    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Array]) -> Any: ...
    def io_binding(self) -> Any: ...


def open_session(
    model: Path | bytes,
    *,
    device: str = "cpu",
    threads: int | None = None,
    entries: Mapping[str, str] | None = None,
    lean: bool = False,
    optimise: bool = True,
    common: bool = False,
    trusted: bool = False,
) -> Session:
    """A session for a model in a file or in memory; `optimise` lets it rewrite the graph.

    `common` lets it take memory on the CPU from a store that all such sessions have in common, and
    that stays when they are gone: for those that run in turn. `trusted` models were made here, or
    looked at before, and aren't looked at again.

    `lean` takes memory for a value when it is made, and gives it back when it was read last: no
    dead value's memory is kept until another one of its shape is made, and no block for all that a
    first run held.

    `threads` are what one operator may use; None takes the cores that this process may use, where
    ONNX Runtime would count the host's, a container's limit notwithstanding. `entries` are further
    ones of ONNX Runtime's session configuration. Raises UsageError where ONNX Runtime, the device
    or the model isn't usable.
    """
    check_device(device)
    runtime = _onnxruntime()
    providers = ["CPUExecutionProvider"]
    if device == "cuda":
        providers.insert(0, "CUDAExecutionProvider")
    if not trusted:
        check_model(model)
        check_sizes(model)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or available_cores()
    options.log_severity_level = _SILENT
    if lean:
        options.enable_mem_pattern = options.enable_mem_reuse = False
    if not optimise:
        options.graph_optimization_level = runtime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if common:
        _open_store()
        options.add_session_config_entry("session.use_env_allocators", "1")
    for name, value in (entries or {}).items():
        options.add_session_config_entry(name, value)
    try:
        session = runtime.InferenceSession(_source(model), options, providers=providers)
    except Exception as e:  # its exceptions have no common base of their own
        name = f"`{model}`" if isinstance(model, Path) else "the model"
        raise UsageError(f"{name} can't be loaded: {plain(e)}") from None
    if device == "cuda":
        if "CUDAExecutionProvider" not in session.get_providers():
            raise UsageError(
                "the CUDA libraries that onnxruntime-gpu needs can't be loaded; "
                "`pip install onnxruntime-gpu[cuda,cudnn]` brings them"
            )
        session.disable_fallback()  # never the CPU without a word
    return cast("Session", session)


@cache
def _open_store() -> None:
    """The memory that sessions have in common, once for the process."""
    runtime = _onnxruntime()
    place = runtime.OrtMemoryInfo(
        "Cpu", runtime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, runtime.OrtMemType.DEFAULT
    )
    runtime.create_and_register_allocator(place, None)


def _source(model: Path | bytes) -> str | bytes:
    """What ONNX Runtime takes: a path where that is UTF-8, else the bytes."""
    if isinstance(model, bytes):
        return model
    return str(model) if encodable(str(model)) == str(model) else model.read_bytes()


def check_device(device: str) -> None:
    """Raise UsageError unless a device is known, and ONNX Runtime is there and was made for it."""
    if device not in DEVICES:
        raise UsageError(f"the device is {' or '.join(f'`{d}`' for d in DEVICES)}, not `{device}`")
    runtime = _onnxruntime()
    if device == "cuda":
        _check_cuda(runtime)


def run_session(
    session: Session, outputs: Sequence[str], feeds: Mapping[str, Array]
) -> dict[str, Array]:
    """Outputs by name. Raises UsageError where the model fails on these inputs."""
    try:
        results = session.run(outputs, feeds)
    except Exception as e:  # as above
        shapes = ", ".join(f"`{n}` {'x'.join(map(str, a.shape))}" for n, a in feeds.items())
        raise UsageError(f"the model fails on {shapes}: {plain(e)}") from None
    return dict(zip(outputs, results, strict=True))


def available_cores() -> int:
    """The cores that this process may use: its affinity, and its control group's quota."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, min(cores, _quota() or cores))


def _quota(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Linux's limit on this process, in whole cores rounded up; 0 where there is none."""
    quotas: list[int] = []
    for folder in _groups(root, own):
        words = _words(folder / "cpu.max") or (
            _words(folder / "cpu.cfs_quota_us") + _words(folder / "cpu.cfs_period_us")
        )
        if len(words) == 2 and all(w.isdecimal() for w in words) and int(words[1]):
            quotas.append(-(-int(words[0]) // int(words[1])))
    return min(quotas, default=0)


def _groups(root: Path, own: Path) -> list[Path]:
    """The folders of this process' control group and those around it, of either version."""
    folders = [root, root / "cpu"]
    try:
        lines = own.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if not controllers or "cpu" in controllers.split(","):
            group = (root / "cpu" if controllers else root) / path.lstrip("/")
            folders += [group, *(p for p in group.parents if p.is_relative_to(root))]
    return folders


def _words(path: Path) -> tuple[str, ...]:
    try:
        return tuple(path.read_text().split())
    except OSError:
        return ()


def plain(error: Exception) -> str:
    """ONNX Runtime's message without its codes and places in C++."""
    text = str(error).strip().split("\n", 1)[0]
    text = re.sub(r"^\[ONNXRuntimeError\] : \d+ : [A-Z_]+ : ", "", text)
    text = re.sub(
        r"^Non-zero status code returned while running (\w+) node\. Name:'(.*?)' Status Message: ",
        r"at `\2` (\1): ",
        text,
    )
    text = re.sub(_CPP_PLACE, "", text)
    if "rotobuf parsing failed" in text or not text:
        return "it is no ONNX model, or a damaged one"
    return text[:300].rstrip(". ")


def runtime_release() -> tuple[int, ...]:
    """ONNX Runtime's release, as (1, 26). Raises UsageError where it isn't there."""
    return tuple(int(part) for part in _onnxruntime().__version__.split(".")[:2])


def _onnxruntime() -> Any:
    try:
        import onnxruntime  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as e:
        if e.name != "onnxruntime":
            raise
        raise UsageError(f"running a model needs ONNX Runtime: {INSTALL}") from None
    except ImportError as e:
        raise UsageError(f"ONNX Runtime is installed but can't be loaded: {e}") from None
    return cast("Any", onnxruntime)


def _check_cuda(runtime: Any) -> None:
    if "CUDAExecutionProvider" not in runtime.get_available_providers():
        raise UsageError(
            "this ONNX Runtime has no CUDA: `pip uninstall onnxruntime`, then "
            "`pip install cnndsl[gpu]`"
        )
    if hasattr(runtime, "preload_dlls"):  # finds CUDA and cuDNN where pip put them
        runtime.preload_dlls()
