"""Write `diagnostics.md`, all errors and warnings: `python -m docs.build_diagnostics`.

Everything in it comes from the explanations beside the code, and from what the program prints.
"""

from __future__ import annotations

from pathlib import Path

from cnndsl.cli.explain import printed
from cnndsl.explanations import Explanation, expanded, explanations, options

PAGE = Path(__file__).parent / "diagnostics.md"

GROUPS = {
    "characters": "Characters, names and numbers",
    "layout": "Lines and how they stand",
    "names": "What names stand for",
    "arguments": "Arguments",
    "forms": "Blocks, branches, heads",
    "shapes": "Shapes that don't fit",
    "symbolic": "Sizes that are names",
    "file": "The file as a whole",
    "limits": "Limits",
    "warnings": "Warnings",
}

HEAD = """\
<!-- Written by `make docs`: edit cnndsl/explanations/, not this. -->
# Diagnostics

Every error and warning: what it means, a spec that has it, what is printed, and the spec put right.
`cnndsl explain CODE` says the same in the terminal. Advice about specs that are right is [a page of
its own](lint.md). All independent errors of a spec come out of
one run, and what follows from another error stays silent.
"""


def page() -> str:
    """The text of diagnostics.md. Raises KeyError where a group has no title."""
    groups = dict.fromkeys(GROUPS, "")
    for explanation in explanations().values():
        groups[explanation.group] += _section(explanation)
    titled = (f"## {GROUPS[group]}\n\n{text}" for group, text in groups.items())
    contents = "".join(f"- {GROUPS[group]}: {_links(group)}\n" for group in groups)
    return "\n".join([HEAD, contents, *titled]).rstrip("\n") + "\n"


def _links(group: str) -> str:
    codes = [e.code for e in explanations().values() if e.group == group]
    return ", ".join(f"[`{code}`](#{code})" for code in codes)


def _section(explanation: Explanation) -> str:
    code, shown = explanation.code, printed(explanation.wrong)
    alone = not options(explanation.wrong) and "use " not in explanation.right
    plain = alone and shown.startswith("error") and expanded(explanation.wrong) == explanation.wrong
    wrong = f"cnn error={code}" if plain else "text"
    right = explanation.right.removeprefix("cnndsl 1\n")
    right = f"```cnn\ncnndsl 1\n{right}```" if alone else f"```text\n{right}```"
    return "\n".join(
        [
            f"### {code}\n\n{explanation.text}\n",
            f"```{wrong}\n{explanation.wrong}```",
            f"```text\n{shown}\n```\n",
            f"Put right:\n\n{right}\n\n",
        ]
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
