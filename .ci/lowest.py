"""Print every dependency at its lower bound in pyproject.toml, as constraints for pip.

Tools of development are left out: nobody needs old ones.
"""

import re
import sys
import tomllib
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1] / "pyproject.toml"


def lowest(project: dict) -> dict[str, str]:
    """Return the lowest release by package. Exits where one has no lower bound, or two."""
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"]]
    wanted += [line for extra, lines in extras.items() if extra != "dev" for line in lines]
    found: dict[str, str] = {}
    for line in wanted:
        match = re.fullmatch(r"([\w.-]+)>=([\w.]+)(,.*)?", line)
        if not match:
            sys.exit(f"`{line}` in pyproject.toml has no lower bound: write `NAME>=RELEASE`")
        name, release, _ = match.groups()
        if found.setdefault(name, release) != release:
            sys.exit(f"{name} has two lower bounds in pyproject.toml: {found[name]} and {release}")
    return found


if __name__ == "__main__":
    with PROJECT.open("rb") as file:
        for name, release in lowest(tomllib.load(file)["project"]).items():
            print(f"{name}=={release}")
