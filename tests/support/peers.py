"""Doors to the libraries that cnndsl is compared with. Each skips the test where one is missing.

Tests reach torch through here, inside the test function and under the marker `torch`, so that a
machine without torch collects and runs all the others.
"""

import os
from typing import Any

import pytest

from benchmarks.peers.door import import_torchvision


def torch() -> Any:
    """The module torch, on one thread so that results don't depend on the machine's cores."""
    module = _import("torch")
    module.set_num_threads(1)
    return module


def torchvision() -> Any:
    """The module torchvision, made importable beside any torch."""
    torch()
    try:
        return import_torchvision()
    except ModuleNotFoundError:
        pytest.skip("torchvision is not installed: `make peers` does it")


def torchinfo() -> Any:
    """The module torchinfo."""
    torch()
    return _import("torchinfo")


def timm() -> Any:
    """The module timm, which imports torchvision."""
    torchvision()
    return _import("timm")


def keras() -> Any:
    """The module keras, on torch; without names that other tests have used up."""
    torch()
    os.environ["KERAS_BACKEND"] = "torch"
    module = _import("keras")
    module.utils.clear_session()
    return module


def optuna() -> Any:
    """The module optuna, which searches need."""
    return pytest.importorskip(
        "optuna", reason="optuna is not installed: the extra `search` has it"
    )


def _import(name: str) -> Any:
    return pytest.importorskip(name, reason=f"{name} is not installed: `make peers` does it")
