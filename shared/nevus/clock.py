"""The present moment: asked for here by every use case, so that a test can have a clock that jumps."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """In UTC."""
    return datetime.now(UTC)
