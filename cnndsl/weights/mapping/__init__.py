"""Which tensor of a file goes where in a net."""

from cnndsl.weights.mapping.fitting import fit
from cnndsl.weights.mapping.mapping import VERDICTS, Entry, Mapping, Verdict

__all__ = ["VERDICTS", "Entry", "Mapping", "Verdict", "fit"]
