"""The document, from the gateway's code, and where it is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gateway.app import create_app
from gateway.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs/openapi.json"
RELEASED = ROOT / "docs/openapi-released.json"


def served() -> dict[str, Any]:
    """As the gateway serves it, whatever its settings."""
    return create_app(Settings(nevus_admin_key=None)).openapi()


def read(path: Path) -> dict[str, Any]:
    """One that was checked in."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def text(document: dict[str, Any]) -> str:
    """As it is checked in: a line for each value, so that a change can be read."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"
