"""Commands called as a user would, and what must hold for whatever they print."""

from __future__ import annotations

from unicodedata import category

import click
from click.testing import CliRunner

from cnndsl.cli import main

_ACTED_ON = ("Cc", "Cf", "Cs", "Zl", "Zp")  # Unicode's categories: controls, directions, …
_ALLOWED = "\n\r\t"
_LONGEST_LINE = 20_000


def command(*arguments: str) -> str:
    """Call a command; how it ended. Raises what it raises, AssertionError where it prints what it
    shouldn't.
    """
    runner, status = CliRunner(), 0
    try:
        result = runner.invoke(main, list(arguments), standalone_mode=False, catch_exceptions=False)
    except click.ClickException as e:
        output, status = e.format_message(), e.exit_code
    else:
        output = result.output
        status = result.exit_code or (result.return_value or 0)
    assert status in (0, 1, 2), f"exit status {status}"
    assert "Traceback (most recent" not in output, "a traceback is printed"
    odd = {c for c in output if category(c) in _ACTED_ON and c not in _ALLOWED}
    assert not odd, "control characters are printed"
    assert max(map(len, output.split("\n"))) < _LONGEST_LINE, "a message has no end"
    assert status == 0 or output.strip(), "it fails without a word"
    return f"{arguments[0]}: {'done' if status == 0 else 'refused'}"
