"""Which code made a version, or a measurement."""

from __future__ import annotations

import os
import subprocess
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as package_version
from pathlib import Path

LIBRARIES = ("tensorflow", "keras", "ai-edge-litert", "numpy", "pillow")


def git_commit() -> str | None:
    """The commit of this code: what an image was built with as NEVUS_REVISION, else that of the checkout it is in."""
    if revision := os.environ.get("NEVUS_REVISION"):
        return revision
    command = ["git", "rev-parse", "HEAD"]
    try:
        run = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git here
        return None
    return run.stdout.strip() or None


def libraries() -> dict[str, str]:
    """Versions of what computes."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = package_version(name)
        except PackageNotFoundError:
            continue
    return found
