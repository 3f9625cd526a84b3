"""Running a page's Python and commands in their order, as a reader would who follows it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from docs.pages import ROOT, blocks, commands, spec

LIMIT = 120  # seconds for a page
_OUTPUTS = "outputs.json"


@dataclass(frozen=True, slots=True)
class Played:
    """What a page printed: its Python line by line, its commands by block (line) and number."""

    lines: list[str]
    outputs: dict[tuple[int, int], str]


def play(page: Path, folder: Path) -> Played:
    """Run a page in an empty folder, beside copies of the examples and the zoo.

    Raises RuntimeError where its code fails.
    """
    shutil.copytree(ROOT / "examples", folder / "examples")
    shutil.copytree(ROOT / "zoo", folder / "zoo")
    script = folder / "page.py"
    script.write_text(_script(page, folder), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    if done.returncode:
        raise RuntimeError(f"{page.name} fails:\n{done.stderr}")
    outputs = json.loads((folder / _OUTPUTS).read_text(encoding="utf-8"))
    return Played(
        lines=done.stdout.splitlines(),
        outputs={(line, number): text for line, number, text in outputs},
    )


def _script(page: Path, folder: Path) -> str:
    """The page as one program; files that its specs are kept in are written beside it."""
    parts = ["from docs.play import Recorder\n\n_recorder = Recorder()\n"]
    for block in blocks(page):
        file = block.option("file")
        if file is not None:
            (folder / file).write_text(spec(block), encoding="utf-8")
        if block.runs and block.language == "python":
            parts.append(block.text)
        elif block.runs:
            for number, command in enumerate(commands(block)):
                if command.arguments is not None:
                    parts.append(f"_recorder.run({block.line}, {number}, {command.arguments})\n")
    return "\n".join([*parts, "_recorder.save()\n"])


class Recorder:
    """Runs commands of cnndsl and keeps what they print, to whichever stream."""

    def __init__(self) -> None:
        self.outputs: list[tuple[int, int, str]] = []

    def run(self, line: int, number: int, arguments: list[str]) -> None:
        """One command; errors that aren't meant for people are raised."""
        from click.testing import CliRunner

        from cnndsl.cli import main

        result = CliRunner().invoke(main, arguments)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        lines = result.output.rstrip("\n").split("\n")
        self.outputs.append((line, number, "".join(f"{text.rstrip()}\n" for text in lines)))

    def save(self) -> None:
        """Leave the outputs for the caller."""
        Path(_OUTPUTS).write_text(json.dumps(self.outputs), encoding="utf-8")
