"""Fixtures of every kind of test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The registry that ships; until it holds a version, one that NEVUS_TEST_MODELS names. Read it, never write."""
    shipped = Path(__file__).parent.parent / "models"
    if (shipped / "channels" / "champion.json").exists():
        return shipped
    return Path(os.environ["NEVUS_TEST_MODELS"])
