"""Commands called as a user would, and what must hold for whatever they print."""

from __future__ import annotations

from click.testing import CliRunner

from cnndsl.cli import main

_BUG = 70  # the exit status of a fault that the last guard caught
_ALLOWED = "\n\r\t"
_LONGEST_LINE = 6000


def command(*arguments: str, colour: bool = False) -> str:
    """Call a command; how it ended. Raises what it raises, AssertionError where it prints what it
    shouldn't.
    """
    result = CliRunner().invoke(main, list(arguments), color=colour)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code != _BUG, f"the last guard was reached: {result.output[-300:]}"
    assert result.exit_code in (0, 1, 2), f"exit status {result.exit_code}"
    assert "Traceback (most recent" not in result.output, "a traceback is printed"
    odd = {c for c in result.output if not c.isprintable() and c not in _ALLOWED}
    assert not odd, "control characters are printed"
    longest = max(map(len, result.stderr.split("\n")))
    assert longest < _LONGEST_LINE, "a message has no end"
    assert result.exit_code == 0 or result.output.strip(), "it fails without a word"
    return f"{arguments[0]}: {'done' if result.exit_code == 0 else 'refused'}"
