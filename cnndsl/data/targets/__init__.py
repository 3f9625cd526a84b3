"""What a net is to answer with, a kind a file: how it comes into batches, by which scores answers
are judged, and how they are shown.
"""

from cnndsl.data.targets.base import SCORES, Judge, Score, Target
from cnndsl.data.targets.classes import Classes
from cnndsl.data.targets.itself import PictureItself
from cnndsl.data.targets.masks import Masks, RegionJudge, RegionScores
from cnndsl.data.targets.numbers import Numbers

__all__ = [
    "SCORES",
    "Classes",
    "Judge",
    "Masks",
    "Numbers",
    "PictureItself",
    "RegionJudge",
    "RegionScores",
    "Score",
    "Target",
]
