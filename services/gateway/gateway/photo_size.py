"""How large the file of a photo may be, however it comes."""

from __future__ import annotations

from gateway.problems import Problem

MAX_PHOTO = 20 * 1024 * 1024
MAX_FIELDS = 64 * 1024  # what stands beside it in a form, or the JSON in its place
MAX_BODY = MAX_PHOTO + MAX_FIELDS


def check_size(image: bytes) -> bytes:
    """Raises Problem for a photo that is empty or too large."""
    if not image:
        raise Problem("photo-unreadable", "The file is empty.")
    if len(image) > MAX_PHOTO:
        raise too_large()
    return image


def too_large() -> Problem:
    """413."""
    return Problem("photo-too-large", f"At most {MAX_PHOTO // 1024 // 1024} MB.")
