"""What a fit found: every tensor's place, or that it has none; and the values in their places."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from cnndsl.diagnostics import UsageError
from cnndsl.layers.base import Parameter
from cnndsl.network import Network
from cnndsl.weights.source import CHUNK, Chunks, Weights
from cnndsl.weights.tensors import Array, Tensor, TensorFile

Verdict = Literal[
    "named", "exact", "renamed", "by order", "by shape", "adapted", "missing", "unused"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

SHOWN = 5  # names in a message


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a mapping.

    `parameter` is the full name in the net, None for a tensor without use; `shape` is its shape
    there. `tensors` are those of the file that it is made of, none where it is missing or follows
    from the layer. `values` gives the array of that shape, None where there is none. `note` says
    what was changed, or why something is missing or left over. `required` is whether the net can't
    do without.
    """

    verdict: Verdict
    parameter: str | None
    shape: tuple[int, ...]
    tensors: tuple[Tensor, ...] = ()
    note: str = ""
    values: Callable[[], Array] | None = field(default=None, repr=False)
    required: bool = True


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which tensor of a file goes where: an entry for each parameter and for each tensor left over.

    `notes` are sentences about the whole; `obstacle` is why what is missing wasn't found by order.
    """

    file: TensorFile
    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    obstacle: str = ""

    @property
    def counts(self) -> dict[Verdict, int]:
        """How many entries have each verdict; those that none has are left out."""
        found = Counter(entry.verdict for entry in self.entries)
        return {verdict: found[verdict] for verdict in VERDICTS if found[verdict]}

    def of(self, verdict: Verdict) -> Iterator[Entry]:
        """The entries of a verdict."""
        return (entry for entry in self.entries if entry.verdict == verdict)

    @property
    def lacking(self) -> tuple[Entry, ...]:
        """The parameters that are missing and that the net can't do without."""
        return tuple(entry for entry in self.of("missing") if entry.required)

    def labels_for(self, network: Network) -> tuple[str, ...] | None:
        """The names of the classes that the file brings, where the net tells as many apart."""
        labels = self.file.labels
        fits = labels is not None and network.shapes[network.outputs[0]].channels == len(labels)
        return labels if fits else None

    def metadata(self, network: Network) -> dict[str, str]:
        """The preprocessing and labels that the file brings, as a model's metadata hold them."""
        found: dict[str, str] = {}
        if labels := self.labels_for(network):
            found["cnndsl.labels"] = json.dumps(labels, ensure_ascii=False)
        if how := self.file.preprocessing:
            found["cnndsl.preprocessing"] = how.to_json()
        return found

    def without(self, *, labels: bool = False, preprocessing: bool = False) -> Mapping:
        """The same, less what is said of the file's labels or preprocessing."""
        file = replace(
            self.file,
            labels=None if labels else self.file.labels,
            preprocessing=None if preprocessing else self.file.preprocessing,
        )
        return replace(self, file=file)

    def summary(self) -> str:
        """The counts in a line: `5 exact, 262 renamed`."""
        return ", ".join(f"{count} {verdict}" for verdict, count in self.counts.items())

    def check(self) -> None:
        """Raise UsageError where a parameter is missing that the net can't do without."""
        lacking = self.lacking
        if not lacking:
            return
        names = ", ".join(f"`{entry.parameter}`" for entry in lacking[:SHOWN])
        more = f" and {len(lacking) - SHOWN} more" if len(lacking) > SHOWN else ""
        why = next((f"; {entry.note}" for entry in lacking if entry.note), "")
        why += f"; {self.obstacle}" if self.obstacle else ""
        why = why or "".join(f"; {note}" for note in self.notes)
        raise UsageError(
            f"`{self.file.path}` has nothing for {names}{more}{why} "
            f"(`cnndsl weights map` shows every tensor)"
        )

    def weights(self, otherwise: Weights | None = None) -> Weights:
        """The values by the net's names, read a tensor at a time; `otherwise` gives those that are
        missing. They raise UsageError where the file can't be read, or a value is missing.
        """
        by_name = {entry.parameter: entry for entry in self.entries if entry.parameter}

        def read(name: str, parameter: Parameter) -> Chunks:
            entry = by_name.get(name)
            if entry is not None and entry.values is not None:
                values = entry.values().astype(np.float32, copy=False).reshape(-1)
                for start in range(0, parameter.size, CHUNK):
                    yield values[start : start + CHUNK]
            elif otherwise is not None:
                yield from otherwise(name, parameter)
            else:
                raise UsageError(f"`{self.file.path}` has nothing for `{name}`")

        return read

    def arrays(self) -> dict[str, npt.NDArray[np.float32]]:
        """Every value that the file has a tensor for, by the net's names, all at once.

        Raises UsageError where the file can't be read.
        """
        return {
            entry.parameter: np.ascontiguousarray(entry.values(), np.float32)
            for entry in self.entries
            if entry.parameter and entry.values
        }
