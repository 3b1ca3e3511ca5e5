"""What many tests share: free ports, and things that a machine may lack."""

from __future__ import annotations

import os
import shutil
import socket
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def lacking(what: str) -> None:
    """Skip the test, or fail it when NEVUS_REQUIRE names what is lacking."""
    if what in os.environ.get("NEVUS_REQUIRE", "").split(","):
        pytest.fail(f"NEVUS_REQUIRE names {what}, and it is not here")
    pytest.skip(f"{what} is not here")


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        lacking("chromium")
    return str(path)


@pytest.fixture(scope="session")
def real_manifest() -> Path:
    """The manifest of real photos: NEVUS_REAL_DATA, or shared/data beside the checkout."""
    path = Path(os.environ.get("NEVUS_REAL_DATA") or ROOT.parent / "shared/data/manifest.csv")
    if not path.is_file():
        lacking("real-data")
    return path


@pytest.fixture(scope="session")
def models_dir() -> Path:
    """The registry that ships. Read it, never write."""
    return ROOT / "models"
