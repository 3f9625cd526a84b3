"""Folders of trainings after accidents: resumed, evaluated, asked, imported, taken for weights."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from random import Random

import numpy as np
from PIL import Image

from tests.fuzz.cases import Case, Entry, Folder, Kind, Link, Pipe
from tests.fuzz.commands import command
from tests.fuzz.contents import json_changed, tensors_changed
from tests.fuzz.mutations import bytes_changed, text_changed
from tests.support.mutations import lists_on_a_line
from tests.support.toy_data import write_toy

Tree = dict[bytes, Entry]

RUNS = ("spec-001", "model-001", "transfer-001", "options-001")
_SHORT = ("--threads", "1", "--epochs", "2", "-q", "--runs", "runs", "--name")
_OPTIONS = (
    *("--optimiser", "sgd momentum=0.9 nesterov=yes", "--schedule", "step every=1 by=0.5"),
    *("--augment", "light", "--ema", "0.9", "--clip", "1", "--class-weights", "balanced"),
    *("--freeze", "conv1", "--unfreeze", "1:*@0.5", "--lr-of", "logits.*=2", "--accumulate", "2"),
    *("--patience", "5", "--warm-up", "0.5", "--label-smoothing", "0.1", "--batch", "8"),
)

# How often a file is the one that something happens to
WEIGHTS = {
    "config.toml": 30,
    "checkpoint.safetensors": 20,
    "best.onnx": 12,
    "best.safetensors": 4,
    "last.safetensors": 4,
    "spec.cnn": 4,
    "network.cnn": 3,
    "metrics.csv": 5,
    "data.json": 5,
    "results.json": 3,
    "labels.txt": 3,
    "split.csv": 2,
    "environment.json": 2,
    ".lock": 1,
    "log.txt": 1,
    "graphs/grad.onnx": 3,
    "graphs/evaluation.onnx": 2,
    "graphs/apply.onnx": 1,
    "plots": 1,
}
VALUES = (
    *("0", "1", "-1", "2", "1e9", "1.5", "nan", "inf", "-inf", "true", "false", '""', '"x"', "[]"),
    *("[1]", '["a"]', "{}", "{ a = 1 }", "1979-05-27", "0x10", "9" * 30, '"' + "y" * 5000 + '"'),
    *('"\\u0000"', '"../x"', '"/dev/zero"', '"float16"', '"cuda"', '"sgd"', '"plateau"', "1e-300"),
    *("[[1], [2]]", '"nan"', '"1"', "1_000", "9223372036854775807", '"é"', '"a\\nb"', "100000"),
)
WORDS = (*VALUES, "=", "[", "]", "\n", "#", "epochs", "[training]", "[x]", "batch = 3", "name", ".")


class Runs(Kind):
    """Folders of runs: of a spec, of a model, of transfer learning, and one with many options."""

    name = "runs"
    per_worker = 500

    def prepare(self) -> None:
        """Train the runs that all cases are made from."""
        sound, before = self.folder / "sound", Path.cwd()
        shutil.rmtree(sound, ignore_errors=True)
        sound.mkdir(parents=True)
        os.chdir(sound)
        try:
            write_toy(Path(), 48)
            np.save("a.npy", np.zeros((2, 1, 8, 8), np.float32))
            Image.new("L", (8, 8)).save("p.png")
            data = ("--data", "quarters.npz", *_SHORT)
            for arguments in (
                ("train", "tiny.cnn", *data, "spec", "--batch", "16"),
                ("train", "runs/spec-001/best.onnx", *data, "model", "--batch", "16"),
                ("transfer", "runs/spec-001/best.onnx", *data, "transfer", "--strategy", "last"),
                ("train", "tiny.cnn", *data, "options", *_OPTIONS),
            ):
                assert command(*arguments).endswith("done"), arguments
        finally:
            os.chdir(before)

    @cached_property
    def sound(self) -> Tree:
        """The files of all runs, but for pages and plots, and what they were made from."""
        sound = self.folder / "sound"
        found = sorted(path for path in sound.rglob("*") if path.is_file())
        # Data is named by its full path, which isn't that of the data beside a case
        here = f"{sound}/".encode()
        files = {
            os.fsencode(path.relative_to(sound)): path.read_bytes().replace(here, b"")
            if path.suffix == ".toml"
            else path.read_bytes()
            for path in found
        }
        kept = {p: data for p, data in files.items() if b"/plots/" not in p and b".html" not in p}
        return kept | {f"runs/{run}/plots".encode(): Folder() for run in RUNS}

    def draw(self, random: Random) -> Case:
        run = random.choice(RUNS)
        files = {
            path: entry
            for path, entry in self.sound.items()
            if not path.startswith(b"runs/")
            or path.startswith((f"runs/{run}/".encode(), b"runs/spec-001/best.onnx"))
        }
        origin = dict(files)
        changed = [
            self._accident(files, f"runs/{run}/", random)
            for _ in range(random.choice([1, 1, 1, 2, 4]))
        ]
        return Case(files, _arguments(f"runs/{run}", changed, random), origin)

    def attempt(self, case: Case) -> str:
        return command(*case.arguments)

    def _accident(self, files: Tree, run: str, random: Random) -> str:
        """Something happens to one of the run's files; its name."""
        names = [name for name in WEIGHTS if (run + name).encode() in files]
        if not names:
            return ""
        name = random.choices(names, [WEIGHTS[name] for name in names])[0]
        path = (run + name).encode()
        if random.random() < 0.04:
            name, path = "quarters.npz", b"quarters.npz"
        entry = files.get(path, b"")
        others = [p for p in files if isinstance(files[p], bytes)]
        match random.randrange(20):
            case 0:
                files.pop(path, None)
            case 1:
                files[path] = random.choice([b"", b"\0", b"\xff\xfe", b"{}", b"[]", b"\n"])
            case 2:
                files[path] = self._odd(random)
            case 3:
                files[path] = files[random.choice(others)]
            case 4:
                twin = b"/" + name.encode()
                files[path] = random.choice(
                    [e for p, e in self.sound.items() if p.endswith(twin)] or [b""]
                )
            case _:
                if isinstance(entry, bytes):
                    files[path] = _damaged(name, entry, random)
        return name

    def _odd(self, random: Random) -> Entry:
        targets = (b".", b"nowhere", b"/dev/zero", b"/dev/full", b"config.toml", b"best.onnx")
        return random.choice([Pipe(), Folder(), *(Link(target) for target in targets)])


def _arguments(run: str, changed: list[str], random: Random) -> tuple[str, ...]:
    """A command that reads what was changed."""
    resume = ("resume", run, "--epochs", "3", random.choice(["-q", "--json"]))
    choices: list[tuple[str, ...]] = [resume, resume, resume]
    choices.append(("eval", run, "--threads", "1", random.choice(["--classes", "--format=json"])))
    choices.append(("runs", run, "--sort", random.choice(["score", "seconds", "lr"])))
    choices.append(("compare", run, "tiny.cnn"))
    if "best.onnx" in changed or "labels.txt" in changed:
        model = f"{run}/best.onnx"
        choices += [
            ("eval", run, "--threads", "1"),
            ("predict", run, "p.png", "--threads", "1", "--top", "2"),
            ("look", run, "p.png", "--threads", "1", "--show", random.choice(["cam", "occlusion"])),
            ("run", model, "a.npy", "--threads", "1"),
            ("import", model, "-o", "net.cnn"),
            ("cut", model, "--at", "relu1", "-o", "cut.onnx"),
            ("features", model, "--data", "quarters.npz", "--threads", "1", "-o", "f.npz"),
            ("compile", "tiny.cnn", "--weights", model, "-o", "c.onnx"),
            ("weights", "inspect", model),
        ]
    if any(name.endswith(".safetensors") for name in changed):
        file = f"{run}/{next(name for name in changed if name.endswith('.safetensors'))}"
        choices += [
            ("weights", "inspect", file),
            ("weights", "map", "tiny.cnn", file),
            ("compile", "tiny.cnn", "--weights", file, "-o", "c.onnx"),
        ]
    if "spec.cnn" in changed or "network.cnn" in changed:
        spec = f"{run}/{random.choice(['spec.cnn', 'network.cnn'])}"
        choices += [("report", spec), ("check", spec), ("compare", spec, "tiny.cnn")]
    return random.choice(choices)


def _damaged(name: str, data: bytes, random: Random) -> bytes:
    """An accident that goes with the file's form, or one that goes with any."""
    change: Callable[[bytes, Random], bytes] = bytes_changed
    if random.random() < 0.75:
        suffix = name.rpartition(".")[2]
        if suffix == "toml":
            change = _toml_changed
        elif suffix == "json":
            change = json_changed
        elif suffix == "safetensors":
            change = tensors_changed
        elif suffix in ("csv", "txt", "cnn"):
            change = _text_changed
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        data = change(data, random)
    return data


def _text_changed(data: bytes, random: Random) -> bytes:
    text = text_changed(data.decode("utf-8", "replace"), random, WORDS)
    return text.encode("utf-8", "replace")


def _toml_changed(data: bytes, random: Random) -> bytes:
    """Another value, a key more or less, a table twice, or another type."""
    lines = lists_on_a_line(data.decode("utf-8", "replace")).split("\n")
    rows = [n for n, line in enumerate(lines) if re.match(r"[\w\"-]+ = ", line)]
    if not rows or random.random() < 0.1:
        return _text_changed(data, random)
    row = random.choice(rows)
    key, _, value = lines[row].partition(" = ")
    match random.randrange(12):
        case 0:
            del lines[row]
        case 1:
            lines.insert(row, f"{random.choice(['x', key, 'a.b', '_'])} = {random.choice(VALUES)}")
        case 2:
            other = lines[random.choice(rows)].partition(" = ")[2]
            lines[row] = f"{key} = {other}"
        case 3:
            lines[row] = f"{key} = [{value}]"
        case 4:
            lines[row] = (
                f'{key} = "{value}"' if not value.startswith('"') else f"{key} = {value[1:-1]}"
            )
        case 5:
            heads = [line for line in lines if line.startswith("[")]
            lines.insert(row, random.choice([*heads, "[x]", "[[model]]", "[transfer]", "[stages]"]))
        case _:
            lines[row] = f"{key} = {random.choice(VALUES)}"
    return "\n".join(lines).encode("utf-8", "replace")
