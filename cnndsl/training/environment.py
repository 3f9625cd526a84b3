"""What a run ran on: enough to know later why figures or bits differ."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cnndsl.runtime.session import available_cores

PACKAGES = ("cnndsl", "onnxruntime", "onnxruntime-gpu", "numpy", "onnx", "onnx-ir", "pillow")


def environment() -> dict[str, object]:
    """Versions, machine and command line."""
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "packages": {name: v for name in PACKAGES if (v := _version(name)) is not None},
        "platform": platform.platform(),
        "processor": processor(),
        "cores": available_cores(),
    }


def memory_in_use() -> int | None:
    """Bytes of memory that this process holds at the moment; None where it can't be known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return used if sys.platform == "darwin" else 1024 * used  # the most so far
    except ModuleNotFoundError:  # Windows
        return None


def machine_memory() -> int | None:
    """Bytes of memory that this machine has, or lets this process have; None where not known."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return None
    try:
        return min(whole, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    except (OSError, ValueError):  # no such group, or "max"
        return whole


def runtime_version() -> str:
    """ONNX Runtime's version."""
    found = (_version(package) for package in ("onnxruntime-gpu", "onnxruntime"))
    return next((v for v in found if v is not None), "of unknown version")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def processor() -> str:
    """What the processor calls itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
