"""The house keeps its shape: floors, doors, small files, documented verbs, a light start."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# The one place where each heavy library may be imported.
DOORS = {
    "lark": ("cnndsl.syntax.parse",),
    "click": ("cnndsl.cli",),
    "onnx": (
        "cnndsl.graphs",
        "cnndsl.lower",
        "cnndsl.emit",
        "cnndsl.surgery.attribution",
        "cnndsl.surgery.models",
        "cnndsl.importing",
    ),
    "onnx_ir": (
        "cnndsl.graphs",
        "cnndsl.lower",
        "cnndsl.emit",
        "cnndsl.autodiff",
        "cnndsl.surgery.attribution",
        "cnndsl.training",
    ),
    "onnxruntime": ("cnndsl.runtime",),
    "optuna": ("cnndsl.searching.study",),
    "PIL": ("cnndsl.runtime.images", "cnndsl.data.photos", "cnndsl.training.report.raster"),
    # Never in the package at all:
    "torch": (),
    "pickle": (),
}

# What a report doesn't load, so that it answers at once.
HEAVY = ("numpy", "onnx", "onnx_ir", "onnxruntime", "PIL", "torch")

# What skips, and so must not be called while a test module is imported.
SKIPS = {"pytest.importorskip", "pytest.skip", "real_data"}
SKIPS |= {"torch", "torchvision", "torchinfo", "timm", "keras"}

LONGEST_FILE = 700
"""Lines of one file. A class stands in one file, so a few files are long."""

MEDIAN_FILE = 150
"""Lines of the file in the middle: most files have one short reason."""


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    """Who imports whom in the package. Imports for the type checker alone don't count."""
    return grimp.build_graph(
        "cnndsl", include_external_packages=True, exclude_type_checking_imports=True
    )


def test_imports_go_down_the_floors_only() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    command = [program, "--config", REPOSITORY / "pyproject.toml", "--no-cache"]
    result = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr


def test_no_module_imports_itself_by_a_detour(graph: grimp.ImportGraph) -> None:
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail("a cycle of imports: " + " -> ".join(error.args[1]))


@pytest.mark.parametrize("library", DOORS)
def test_a_heavy_library_has_one_door(graph: grimp.ImportGraph, library: str) -> None:
    if library not in graph.modules:
        return
    doors = DOORS[library]
    users = graph.find_modules_that_directly_import(library)
    strangers = {
        user for user in users if not any(f"{user}.".startswith(f"{door}.") for door in doors)
    }
    assert not strangers, f"{library} enters through {doors} alone"


def test_no_test_is_a_library_of_others() -> None:
    """A module that skips ends before its definitions: what tests share stands in modules of its
    own, and what a test lacks is found out inside it.
    """
    for path in (REPOSITORY / "tests").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        wrong = [line for n in imports if re.search(r"[ .]test_", line := ast.unparse(n))]
        wrong += [f"{call}()" for call in _called_on_import(tree) if call in SKIPS]
        assert not wrong, f"{path.relative_to(REPOSITORY)}: {', '.join(wrong)}"


def _called_on_import(node: ast.AST) -> Iterator[str]:
    """The names of what is called outside of functions; decorators are outside."""
    if isinstance(node, ast.Call):
        yield ast.unparse(node.func)
    if isinstance(node, ast.FunctionDef | ast.Lambda):
        children = getattr(node, "decorator_list", [])
    else:
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _called_on_import(child)


@pytest.mark.parametrize(
    ("pattern", "doors"),
    [
        (r"click\.(echo|secho|progressbar)\(", {"cli/output.py"}),
        (r"(?<![\w.])print\(", {"training/screen.py"}),
        (r"from html import|html\.escape", set[str]()),
    ],
)
def test_text_leaves_through_few_doors(pattern: str, doors: set[str]) -> None:
    """Names come from others, and terminals and pages act on some characters."""
    package = REPOSITORY / "cnndsl"
    found = {
        str(path.relative_to(package))
        for path in package.rglob("*.py")
        if re.search(pattern, re.sub(r'(?s)""".*?"""', "", path.read_text(encoding="utf-8")))
    }
    assert found - {"printing.py"} <= doors


def test_files_stay_small() -> None:
    lengths = {
        str(path.relative_to(REPOSITORY)): len(path.read_text(encoding="utf-8").splitlines())
        for folder in ("cnndsl", "tests", "benchmarks", "examples")
        for path in (REPOSITORY / folder).rglob("*.py")
    }
    long = {path: length for path, length in lengths.items() if length > LONGEST_FILE}
    assert not long, f"over {LONGEST_FILE} lines: split {long}"
    assert median(lengths.values()) < MEDIAN_FILE


def test_public_verbs_are_documented() -> None:
    package = importlib.import_module("cnndsl")
    assert {"parse", "analyse", "compile", "run"} <= set(package.__all__)
    for name in package.__all__:
        verb = getattr(package, name)
        if callable(verb):
            assert inspect.getdoc(verb), f"cnndsl.{name} has no docstring"


@pytest.mark.parametrize(
    "program",
    [
        pytest.param("import cnndsl.cli", id="import"),
        pytest.param(
            "from cnndsl.cli import main; main(['report', 'resnet18'], standalone_mode=False)",
            id="report",
        ),
        pytest.param(
            "from cnndsl.cli import main; main(['check', 'resnet18'], standalone_mode=False)",
            id="check",
        ),
        pytest.param(
            "from cnndsl.cli import main; main(['fmt', '--check', 'zoo/vgg16.cnn'],"
            " standalone_mode=False)",
            id="fmt",
        ),
    ],
)
def test_the_command_line_starts_without_heavy_libraries(program: str) -> None:
    tail = f"\nimport sys; print('loaded:', *sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run(
        [sys.executable, "-c", program + tail], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.splitlines()[-1].split() == ["loaded:"]


def test_every_dependency_has_one_lower_bound() -> None:
    """`make lowest` takes it from pyproject.toml, the only place where it stands."""
    program = [sys.executable, REPOSITORY / ".ci" / "lowest.py"]
    result = subprocess.run(program, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    names = [line.partition("==")[0] for line in result.stdout.splitlines()]
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    users = [line for extra, lines in extras.items() if extra != "dev" for line in lines]
    wanted = " ".join([*project["dependencies"], *users])
    assert set(names) == set(re.findall(r"([\w-]+)>=", wanted)) and len(names) == len(set(names))
    assert extras["train"] == [] and len(extras["cpu"]) == len(extras["gpu"])
