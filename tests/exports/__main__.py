"""`make exports`: families of nets through torch's exporters, import and back.

    python -m tests.exports [FAMILY …] [--exporter legacy|dynamo] [--keep FOLDER]

Every one in a process of its own, one after the other. Prints a row for each as it comes, and what
they come to; exits with 1 where an output differs, a process fails or is too slow.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from statistics import median
from typing import Any

import click

FAMILIES = Path(__file__).with_name("families.txt")
EXPORTERS = ("legacy", "dynamo")
LONGEST = 900  # seconds
BAD = ("WRONG", "FAILED", "too slow")


@click.command()
@click.argument("families", nargs=-1)
@click.option("--exporter", "exporters", type=click.Choice(EXPORTERS), multiple=True)
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the models.")
def main(families: tuple[str, ...], exporters: tuple[str, ...], keep: Path | None) -> None:
    """Try each FAMILY, all by default, by each exporter."""
    known = dict(line.split() for line in FAMILIES.read_text().splitlines() if ":" in line[:5])
    rows: list[dict[str, Any]] = []
    for exporter in exporters or EXPORTERS:
        for family in families or known:
            file = keep / f"{family.partition(':')[2]}.{exporter}.onnx" if keep else None
            row = attempt(family, exporter, known.get(family, "3x64x64"), file)
            rows.append(row)
            click.echo(told(row))
    for exporter in exporters or EXPORTERS:
        mine = [row for row in rows if row["exporter"] == exporter]
        counts = Counter(row["outcome"] for row in mine)
        lines = [row["lines"] for row in mine if "lines" in row] or [0]
        click.echo(
            f"{exporter}: {', '.join(f'{n} {outcome}' for outcome, n in counts.most_common())} "
            f"of {len(mine)}; lines: median {median(lines):.0f}, most {max(lines)}"
        )
    sys.exit(any(row["outcome"] in BAD for row in rows))


def attempt(family: str, exporter: str, shape: str, file: Path | None) -> dict[str, Any]:
    """One family in a process of its own."""
    command = [sys.executable, "-m", "tests.exports.one", family, exporter, shape]
    row = {"family": family, "exporter": exporter}
    try:
        done = subprocess.run(
            [*command, *([str(file)] if file else [])],
            capture_output=True,
            text=True,
            timeout=LONGEST,
        )
        return json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        return row | {"outcome": "too slow"}
    except (IndexError, ValueError):
        return row | {"outcome": "FAILED", "why": done.stderr.strip()[-300:]}


def told(row: dict[str, Any]) -> str:
    """A row of the table."""
    lines, seconds = row.get("lines", ""), row.get("seconds", "")
    start = f"{row['family']:32} {row['exporter']:7} {lines:>4} {seconds:>6} {row['outcome']:8}"
    return f"{start} {row.get('why', '') or '; '.join(row.get('notes', []))}".rstrip()


if __name__ == "__main__":
    main()
