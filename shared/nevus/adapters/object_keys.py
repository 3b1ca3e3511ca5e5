"""Which names an object may have, in every object store."""

from __future__ import annotations

MAX_KEY = 512
MAX_PART = 200


def checked_key(key: str) -> str:
    """The key itself; raises ValueError for one that could leave the store, hide in it or not be listed back."""
    parts = key.split("/")
    if not key or len(key.encode()) > MAX_KEY or any(not _allowed(part) for part in parts):
        raise ValueError("not an object key: relative, printable, no hidden, empty or over-long part")
    return key


def _allowed(part: str) -> bool:
    """Not empty, not "..", "." or hidden, no control character, separator or space at an end."""
    return bool(part) and part[0] != "." and part.isprintable() and "\\" not in part and _fits(part)


def _fits(part: str) -> bool:
    return part == part.strip() and len(part.encode()) <= MAX_PART
