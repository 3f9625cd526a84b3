"""`make fuzz`: `python -m tests.fuzz KIND --count N --seed N --jobs N`, or one `--case N` again."""

from __future__ import annotations

import os
import sys
import time
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

import click

from tests.fuzz.campaign import Result, run
from tests.fuzz.cases import Kind, write
from tests.fuzz.smaller import smaller
from tests.fuzz.worker import Finding, attempt, draw, start_clock

KINDS = {
    "specs": ("specs", "Specs"),
    "runs": ("runs", "Runs"),
    "data": ("data", "Data"),
    "models": ("models", "Models"),
    "weights": ("weights", "Weights"),
}
"""Every kind, with its module and class."""

COUNTS = {"specs": 1_000_000, "runs": 20_000, "data": 20_000, "models": 100_000, "weights": 100_000}
"""How many cases of each kind are promised to be tried before a release."""


def prepared(name: str, folder: Path) -> Kind:
    """A kind by its name, with what its cases are made from in `folder`."""
    module, cls = KINDS[name]
    kind = getattr(import_module(f"tests.fuzz.{module}"), cls)(folder)
    # In a process of its own: threads that a library starts don't go along when this one forks
    child = get_context("fork").Process(target=kind.prepare)
    child.start()
    child.join()
    assert child.exitcode == 0, f"the cases of {name} can't be made"
    return kind


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(KINDS)), metavar="[KIND]...")
@click.option("--count", type=click.IntRange(min=1), help="Cases of each kind.")
@click.option("--first", type=click.IntRange(min=0), default=0, help="The first case's number.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--case", "number", type=int, help="This case alone, with what it raises.")
@click.option(
    "--folder", type=click.Path(path_type=Path), default=Path("build/fuzz"), show_default=True
)
def main(
    names: tuple[str, ...],
    count: int | None,
    first: int,
    seed: int,
    jobs: int,
    number: int | None,
    folder: Path,
) -> None:
    """Try damaged and hostile input of every KIND; exits with 1 where something is found."""
    os.environ["CNNDSL_DEBUG"] = "1"
    sound = True
    for name in names or tuple(KINDS):
        here = (folder / name).resolve()
        here.mkdir(parents=True, exist_ok=True)
        kind = prepared(name, here)
        if number is not None:
            sound &= _again(kind, seed, number, here)
            continue
        numbers = range(first, first + (count or COUNTS[name]))
        sound &= _campaign(kind, numbers, seed, jobs, here)
    sys.exit(not sound)


def _again(kind: Kind, seed: int, number: int, folder: Path) -> bool:
    """One case once more: its files are kept, what it raises is shown."""
    case = draw(kind, seed, number)
    here = _fresh(folder / f"case-{number}")
    write(case.files, here)
    start_clock()
    found = attempt(kind, case, number)
    click.echo(f"{kind.name} {number}: {' '.join(case.arguments)}\nfiles: {here}")
    click.echo(found.trace if isinstance(found, Finding) else found)
    return not isinstance(found, Finding)


def _campaign(kind: Kind, numbers: range, seed: int, jobs: int, folder: Path) -> bool:
    """All the cases; whether nothing was found."""
    last = time.monotonic()
    with click.progressbar(
        length=len(numbers), label=kind.name, file=sys.stderr, show_pos=True
    ) as bar:

        def progress(count: int, result: Result) -> None:
            nonlocal last
            bar.update(count)
            if time.monotonic() - last > 60:
                last = time.monotonic()
                (folder / "result.json").write_text(result.as_json(), encoding="utf-8")
                if not sys.stderr.isatty():
                    found = sum(result.times.values())
                    click.echo(f"{kind.name}: {result.tried:,} tried, {found} findings", err=True)

        result = run(kind, numbers, seed, jobs, progress)
    (folder / "result.json").write_text(result.as_json(), encoding="utf-8")
    click.echo(f"{kind.name}: {result.tried:,} cases of seed {seed} in {result.seconds:.0f} s")
    for outcome, times in result.counts.most_common():
        click.echo(f"  {times:9,} {outcome}")
    for signature, times in result.times.most_common():
        first = result.faults[signature][0]
        here = _kept(kind, seed, first, folder)
        click.echo(f"  {times:9,} FOUND: {signature}")
        click.echo(f"            make fuzz KIND={kind.name} SEED={seed} CASE={first.number}")
        click.echo(f"            {here}")
    return not result.times


def _kept(kind: Kind, seed: int, finding: Finding, folder: Path) -> Path:
    """Keep a finding: its files as small as they get, and what happens."""
    here = _fresh(folder / f"found-{seed}-{finding.number}")
    case = smaller(kind, draw(kind, seed, finding.number), finding.signature)
    write(case.files, here / "files")
    text = f"{finding.signature}\n{' '.join(case.arguments)}\n\n{finding.trace}"
    (here / "what.txt").write_text(text, encoding="utf-8", errors="backslashreplace")
    return here


def _fresh(folder: Path) -> Path:
    """A folder without anything in it."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


if __name__ == "__main__":
    main()
