"""What a net is to answer with, a kind a file: how it comes into batches, by which scores answers
are judged, and how they are shown.
"""

from cnndsl.data.targets.base import (
    SCORES,
    PictureTarget,
    Score,
    Scorer,
    Target,
    leading_score,
)
from cnndsl.data.targets.classes import Classes
from cnndsl.data.targets.itself import PictureItself
from cnndsl.data.targets.masks import Masks, RegionScorer, RegionScores
from cnndsl.data.targets.numbers import Numbers
from cnndsl.data.targets.pictures import Pictures

__all__ = [
    "SCORES",
    "Classes",
    "Masks",
    "Numbers",
    "PictureItself",
    "PictureTarget",
    "Pictures",
    "RegionScorer",
    "RegionScores",
    "Score",
    "Scorer",
    "Target",
    "leading_score",
]
