"""`make suite`: `python -m tests.suite [NAME]...` prints what came of the suite's models."""

from __future__ import annotations

import sys
from collections import Counter

import click

from tests.suite.gradients import judge_gradients
from tests.suite.judging import ORDER, Outcome, judge
from tests.suite.models import KINDS, suite

SOUND = ("pass", "refused", "unmeasured")
SLOW = "real"  # nets too large for differences


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--list", "listed", is_flag=True, help="Say what came of every model.")
@click.option("--no-gradients", is_flag=True, help="Import alone.")
def main(names: tuple[str, ...], listed: bool, no_gradients: bool) -> None:
    """Try the models of ONNX's backend suite, or those with a NAME in their names.

    Import is compared with the suite's own outputs, gradients with differences. Exits with 1 where
    one is wrong, ends in a traceback or is refused without naming a node.
    """
    left_out: Counter[str] = Counter()
    outcomes: Counter[tuple[str, Outcome]] = Counter()
    for case, reason in suite():
        if case is None:
            left_out[reason] += 1
            continue
        if names and not any(name in case.name for name in names):
            continue
        found = {case.kind: judge(case)}
        if not no_gradients and case.kind != SLOW:
            found["gradients"] = judge_gradients(case)
        for kind, verdict in found.items():
            outcomes[kind, verdict.outcome] += 1
            if listed or verdict.outcome not in SOUND:
                click.echo(f"{verdict.outcome:10} {kind}: {case.name}: {verdict.said}")
    if not names:
        click.echo(f"{left_out.total():,} models are left out, for a CNN holds nothing that")
        for reason, times in left_out.most_common():
            click.echo(f"  {times:5,} {reason}")
    click.echo(f"{'':18}" + "".join(f"{outcome:>11}" for outcome in ORDER))
    for kind in (*KINDS, "gradients"):
        click.echo(f"{kind:18}" + "".join(f"{outcomes[kind, o]:11,}" for o in ORDER))
    sys.exit(any(outcome not in SOUND for _, outcome in outcomes))


if __name__ == "__main__":
    main()
