"""Real images and real weights, which lie beside the checkout and are no part of the project."""

import os
from pathlib import Path

import pytest

_REPOSITORY = Path(__file__).resolve().parents[2]

DATA = Path(os.environ.get("CNNDSL_TEST_DATA", _REPOSITORY.parent / "shared" / "data"))
"""The folder of the data beside the checkout; $CNNDSL_TEST_DATA names another."""


def real_data(*parts: str) -> Path:
    """The path of one file or folder of the real data; skips the test where it is missing."""
    path = DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no real data at {path} (set CNNDSL_TEST_DATA to its folder)")
    return path
