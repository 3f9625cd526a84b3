"""The command line, called in the tests' own process."""

from click.testing import CliRunner, Result

from cnndsl.cli import main


def cnndsl(*arguments: str, code: int = 0) -> Result:
    """What a command printed; fails where it ends with another exit code."""
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == code, result.output + (result.stderr or "")
    return result
