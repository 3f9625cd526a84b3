"""Write the rules into `lint.md`: `python -m docs.build_lint`. What stands above them is written by
hand.
"""

from __future__ import annotations

from pathlib import Path

from cnndsl.cli.explain import printed
from cnndsl.linting import RULES, lint
from cnndsl.linting.rule import Rule
from cnndsl.source import Source

PAGE = Path(__file__).parent / "lint.md"
MARK = "<!-- Written by `make docs`: edit cnndsl/linting/rules/, not what follows. -->\n"


def page() -> str:
    """The text of lint.md, with the rules as they are today."""
    head, mark, _ = PAGE.read_text(encoding="utf-8").partition(MARK)
    rows = ["| code | | mended |", "|---|---|---|"]
    for code, rule in RULES.items():
        first = " ".join(rule.explanation().text.split()).partition(". ")[0].rstrip(".")
        rows.append(f"| [`{code}`](#{code}) | {first} | {'`--fix`' if _is_mended(rule) else ''} |")
    sections = [_section(rule) for rule in RULES.values()]
    return "\n".join([head + mark, *rows, "", *sections]).rstrip("\n") + "\n"


def _is_mended(rule: Rule) -> bool:
    return any(d.edits for d in lint(Source("net.cnn", rule.explanation().wrong)))


def _section(rule: Rule) -> str:
    explained = rule.explanation()
    by = "`--fix` makes of it" if _is_mended(rule) else "Put right"
    return "\n".join(
        [
            f"### {rule.code}\n\n{explained.text}\n",
            f"```cnn\n{explained.wrong}```",
            f"```text\n{printed(explained.wrong)}\n```\n",
            f"{by}:\n\n```cnn\n{explained.right}```\n",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
