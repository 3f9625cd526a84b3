"""Run all benchmarks and write docs/benchmarks.md, or run those that are named and print them."""

import sys

from benchmarks import compile, inference, linearity, report, training
from benchmarks.measure import REPOSITORY, BenchmarkError
from benchmarks.table import page

BENCHMARKS = {
    "report": report.measure,
    "compile": compile.measure,
    "inference": inference.measure,
    "linearity": linearity.measure,
    "training": training.measure,
}


def main(names: list[str]) -> int:
    """The exit status: 0 if all goals were reached, 1 if one was missed, 2 if a run failed."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark called {unknown[0]!r}; there are: {', '.join(BENCHMARKS)}")
        return 2
    sections = []
    for name in names or BENCHMARKS:
        print(f"measuring {name} …", file=sys.stderr, flush=True)
        try:
            sections.append(BENCHMARKS[name]())
        except BenchmarkError as error:
            print(error, file=sys.stderr)
            return 2
    text = page(sections)
    print(text)
    if not names:
        (REPOSITORY / "docs" / "benchmarks.md").write_text(text, encoding="utf-8")
    return 0 if all(row.reached for section in sections for row in section.rows) else 1


sys.exit(main(sys.argv[1:]))
