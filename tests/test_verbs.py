"""The public verbs are what `import cnndsl` offers, whatever has been imported besides."""

import subprocess
import sys

import pytest

VERBS = ("analyse", "compile", "parse", "run")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_stays_a_function(verb: str) -> None:
    code = f"""
import cnndsl
from cnndsl.analyse import parameters_of
first, second = cnndsl.analyse("lenet5"), cnndsl.analyse("lenet5")
from cnndsl import {verb}
assert cnndsl.{verb} is {verb} and callable({verb})
"""
    subprocess.run([sys.executable, "-c", code], check=True)
