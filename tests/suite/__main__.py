"""`make suite`: `python -m tests.suite [NAME]...` prints what came of the suite's models."""

from __future__ import annotations

import sys
from collections import Counter

import click

from tests.suite.judging import ORDER, Outcome, judge
from tests.suite.models import suite

SOUND = ("pass", "refused")


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listed", is_flag=True, help="Say what came of every model.")
def main(names: tuple[str, ...], listed: bool) -> None:
    """Import the models of ONNX's backend suite, or those with a NAME in their names, and
    compare them with the suite's own outputs. Exits with 1 where one is wrong, ends in a traceback
    or is refused without naming a node.
    """
    left_out: Counter[str] = Counter()
    outcomes: Counter[tuple[str, Outcome]] = Counter()
    for case, reason in suite():
        if case is None:
            left_out[reason] += 1
        elif not names or any(name in case.name for name in names):
            verdict = judge(case)
            outcomes[case.kind, verdict.outcome] += 1
            if listed or verdict.outcome not in SOUND:
                click.echo(f"{verdict.outcome:9} {case.name}: {verdict.said}")
    if not names:
        click.echo(f"{left_out.total():,} models are left out, for a CNN holds nothing that")
        for reason, times in left_out.most_common():
            click.echo(f"  {times:5,} {reason}")
    kinds = list(dict.fromkeys(kind for kind, _ in outcomes))
    click.echo(f"{outcomes.total():,} models\n{'':18}" + "".join(f"{o:>10}" for o in ORDER))
    for kind in kinds:
        counts = "".join(f"{outcomes[kind, o]:10,}" for o in ORDER)
        click.echo(f"{kind:18}{counts}")
    sys.exit(any(outcome not in SOUND for _, outcome in outcomes))


if __name__ == "__main__":
    main()
