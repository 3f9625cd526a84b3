"""The door to torchvision, for the benchmarks and for the tests that compare with it."""

import importlib
from functools import cache
from types import ModuleType


@cache
def import_torchvision() -> ModuleType:
    """Import torchvision, also where its compiled library doesn't fit the torch that is installed
    (a build for CUDA next to a torch for the CPU).

    Then nothing has declared the two detection operators for which torchvision registers rules. No
    classification net calls them, so bare declarations are enough.
    """
    try:
        return importlib.import_module("torchvision")
    except RuntimeError as error:
        if "operator torchvision::" not in str(error):
            raise
    _declare_operators()
    return importlib.import_module("torchvision")


@cache
def _declare_operators() -> object:
    """Declare them. The cache keeps the library alive: its end would undo the declarations."""
    from torch.library import Library

    library = Library("torchvision", "DEF")
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    return library
