"""The public verbs are what `import cnndsl` offers, whatever has been imported besides."""

import inspect
import subprocess
import sys
from dataclasses import fields
from importlib import import_module

import click
import pytest

import cnndsl
from cnndsl.cli.pictures import picture_options
from cnndsl.training.options import DataChoice, ModelChoice, TrainingChoice
from cnndsl.training.settings import Options

VERBS = ("analyse", "compile", "parse", "run", "runs")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_stays_a_function(verb: str) -> None:
    code = f"""
import cnndsl
from cnndsl.analyse import parameters_of
import cnndsl.runs.listing
first, second = cnndsl.analyse("lenet5"), cnndsl.analyse("lenet5")
from cnndsl import {verb}
assert cnndsl.{verb} is {verb} and callable({verb})
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_verbs_are_listed_and_none_is_loaded() -> None:
    code = """
import sys, cnndsl
assert {"train", "analyse", "__version__"} <= set(dir(cnndsl)), dir(cnndsl)
assert not [name for name in sys.modules if name.startswith("cnndsl.")]
assert cnndsl.__version__[0].isdigit()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


COMMAND_LINE = {"as_json", "assert_accuracy", "tensorboard"}
"""What Python has otherwise: the outcome tells it, and callbacks do."""


@pytest.mark.parametrize("verb", ["train", "search", "transfer"])
def test_every_option_of_the_command_is_a_keyword_of_the_verb(verb: str) -> None:
    module = "search_begin" if verb == "search" else verb
    command: click.Command = import_module(f"cnndsl.cli.{module}").command
    pictures = {p.name for p in click.command()(picture_options(lambda **_: None)).params}
    options = {p.name for p in command.params} - pictures - COMMAND_LINE
    keywords = {*inspect.signature(getattr(cnndsl, verb)).parameters, *Options.__annotations__}
    otherwise = {"callbacks", "options", "preprocessing", "input_shapes"}
    if verb == "transfer":
        otherwise.add("allow_missing")  # whatever the old net lacks is made new
        otherwise |= {"noise", "ignore_index"}  # for nets whose answers are pictures
    assert options - {"inputs"} == keywords - otherwise


@pytest.mark.parametrize("name", ["inputs", "folder", "epoch"])
def test_other_keywords_are_no_options(name: str) -> None:
    with pytest.raises(TypeError, match=f"there is no option `{name}`"):
        cnndsl.train("lenet5", "digits", **{name: 1})  # pyright: ignore[reportArgumentType]


def test_options_are_the_fields_of_a_configuration() -> None:
    kept = {f.name for kind in (ModelChoice, DataChoice, TrainingChoice) for f in fields(kind)} - {
        "spec",
        "inputs",
        "path",
        "folder",
        "fingerprint",
    }
    written = {"optimiser", "schedule", "weight_decay", "learning_rates", "stages", "data_dir"}
    written |= {"input_shapes", "preprocessing"}
    assert kept | written == set(Options.__annotations__)
