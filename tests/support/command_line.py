"""The command line, called in the tests' own process, or as the program that users start.

No command may end in a traceback or at the last guard, whatever exit status a test expects;
tests/conftest.py holds this for every test that calls commands in its own process.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from cnndsl.cli import main
from cnndsl.cli.guard import BUG

PROGRAM = [sys.executable, "-m", "cnndsl"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}


def run(*arguments: str) -> Result:
    """What a command printed, and its exit code; tests/conftest.py sees that it is no bug's."""
    return CliRunner().invoke(main, list(arguments))


def cnndsl(*arguments: str, code: int = 0) -> Result:
    """What a command printed; fails where it ends with another exit code."""
    result = run(*arguments)
    assert result.exit_code == code, result.output + (result.stderr or "")
    return result


def program(
    *arguments: str, code: int | None = 0, shell: str = "", **options: Any
) -> subprocess.CompletedProcess[str]:
    """What the program printed in a process of its own; fails where it ends with another exit code
    (None: any but a bug's). `shell` is what a shell is to add behind the command: `>&-`.
    """
    command: list[str] = [*PROGRAM, *arguments]
    if shell:
        command = ["bash", "-c", f'"$@" {shell}', "bash", *command]
    environment = ENVIRONMENT | options.pop("env", {})
    settings: Any = {"capture_output": True, "text": True, "timeout": 60, **options}
    done = subprocess.run(command, env=environment, **settings)
    said = f"{done.stdout or ''}{done.stderr or ''}"
    for word in ("Traceback", "Exception ignored", "bug of cnndsl"):
        assert word not in said, said
    assert done.returncode != BUG and code in (None, done.returncode), said
    return done
