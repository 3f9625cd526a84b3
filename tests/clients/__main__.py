"""`make clients`: `python -m tests.clients [--only TEXT] [--client NAME]` prints what clients make
of emitted models.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from tests.clients.inside import CLIENTS
from tests.clients.models import KINDS, cases, write

REPOSITORY = Path(__file__).resolve().parents[2]
ENVIRONMENT = REPOSITORY / ".venv-clients"
LONGEST = 120  # seconds that a client has for a model
OUTCOMES = ("right", "refused", "wrong", "crashed")


class Client:
    """A client in a process of its own, which is started again where it has died."""

    def __init__(self, name: str):
        self.name = name
        self._process: subprocess.Popen[bytes] | None = None

    def judge(self, model: Path, arrays: Path) -> tuple[str, str]:
        """What it makes of a model, and why; "crashed" where it ends or takes too long."""
        process = self._process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(f"{model}\t{arrays}\n".encode())
        process.stdin.flush()
        ready, _, _ = select.select([process.stdout], [], [], LONGEST)
        answer = process.stdout.readline() if ready else b""
        if answer:
            outcome, why = json.loads(answer)
            return outcome, why
        if not ready:
            process.kill()
        status = process.wait()
        self._process = None
        return "crashed", f"status {status}" if ready else f"took more than {LONGEST} s"

    def end(self) -> None:
        """Let its process end."""
        if self._process:
            self._process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        folder = ENVIRONMENT / self.name  # of a package that the environment has in another version
        environment = os.environ | ({"PYTHONPATH": str(folder)} if folder.is_dir() else {})
        return subprocess.Popen(
            [ENVIRONMENT / "bin" / "python", "-m", "tests.clients.inside", self.name],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )


@click.command()
@click.option("--client", "names", multiple=True, type=click.Choice(list(CLIENTS)))
@click.option("--only", default="", help="Models with this in their names.")
@click.option("--keep", type=click.Path(path_type=Path), help="A folder for the models.")
def main(names: tuple[str, ...], only: str, keep: Path | None) -> None:
    """Run emitted models in each client and compare with ONNX Runtime.

    Prints every model that a client doesn't compute right as it comes, and a table in the end.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    clients = [Client(name) for name in names or CLIENTS]
    with TemporaryDirectory() as folder:
        place = keep.resolve() if keep else Path(folder)
        place.mkdir(exist_ok=True)
        for number, case in enumerate(c for c in cases() if only in c.name):
            model, arrays = place / f"{number}.onnx", place / f"{number}.npz"
            write(case, model, arrays)
            for client in clients:
                outcome, why = client.judge(model, arrays)
                counts[client.name, case.kind, outcome] += 1
                if outcome != "right":
                    click.echo(f"{client.name:16} {outcome:8} {case.name}: {why}")
            if not keep:
                model.unlink()
                arrays.unlink()
    for client in clients:
        client.end()
    click.echo(table(counts, [c.name for c in clients]))


def table(counts: Counter[tuple[str, str, str]], clients: list[str]) -> str:
    """A row a client: for each kind of model how many it computes, and what became of the rest."""
    kinds = [k for k in KINDS if any(kind == k for _, kind, _ in counts)]
    lines = ["| client | " + " | ".join(kinds) + " |", "|---|" + "---|" * len(kinds)]
    for client in clients:
        cells: list[str] = []
        for kind in kinds:
            found = {o: counts[client, kind, o] for o in OUTCOMES}
            rest = ", ".join(f"{n} {o}" for o, n in found.items() if n and o != "right")
            cells.append(
                f"{found['right']} of {sum(found.values())}" + (f": {rest}" if rest else "")
            )
        lines.append(f"| {client} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
