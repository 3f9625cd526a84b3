"""Rows of results, and the page docs/benchmarks.md that they make."""

import os
import platform
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

VERSIONS = ("cnndsl", "onnx", "onnx-ir", "onnxruntime", "torch", "torchvision", "torchinfo")

PAGE = """\
# Benchmarks

cnndsl and its peers, side by side in one run on one machine. `make bench` measures and writes this
page; `make bench ONLY=report` measures one part and prints it. The code is in `benchmarks/`.

Times and memory are of whole processes: wall time, and peak resident memory as the kernel counts it
(`wait4`). Both sides run in turn (A B A B …), one warm-up each; a ratio is the median of the pairs'
ratios.

- Machine: {machine}
- Date: {today}
- Versions: {versions}

"""


@dataclass(frozen=True)
class Row:
    """One thing measured. `ratio` is what the goal, an upper bound, speaks of."""

    what: str
    ours: str
    theirs: str
    ratio: float
    goal: float

    @property
    def reached(self) -> bool:
        """Whether the goal was met in this run."""
        return self.ratio <= self.goal


@dataclass(frozen=True)
class Section:
    """The results of one benchmark: how it was done, its rows, and details below them."""

    title: str
    method: str
    rows: tuple[Row, ...]
    details: str = ""

    def markdown(self) -> str:
        """The section of the page."""
        lines = [f"## {self.title}", "", self.method, ""]
        lines += ["| | cnndsl | peer | ratio | goal | |", "|---|---:|---:|---:|---:|---|"]
        lines += [
            f"| {row.what} | {row.ours} | {row.theirs} | {row.ratio:.3f} | ≤ {row.goal:.3f} "
            f"| {'reached' if row.reached else '**missed**'} |"
            for row in self.rows
        ]
        return "\n".join(lines) + "\n" + (f"\n{self.details}\n" if self.details else "")


def page(sections: Iterable[Section]) -> str:
    """The whole of docs/benchmarks.md."""
    head = PAGE.format(
        machine=_machine(),
        today=date.today().isoformat(),
        versions=", ".join(f"{name} {_version(name)}" for name in ("Python", *VERSIONS)),
    )
    return head + "\n".join(section.markdown() for section in sections)


def _machine() -> str:
    processor = platform.processor() or platform.machine()
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}"


def _read(path: str) -> str:
    file = Path(path)
    return file.read_text() if file.exists() else ""


def _version(name: str) -> str:
    if name == "Python":
        return platform.python_version()
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"
