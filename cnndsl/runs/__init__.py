"""What runs have left behind: one read, many listed, several beside each other."""

from cnndsl.runs.choices import choices, differing
from cnndsl.runs.collection import Runs, find_runs
from cnndsl.runs.record import RunRecord

__all__ = ["RunRecord", "Runs", "choices", "differing", "find_runs"]
