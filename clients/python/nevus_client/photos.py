"""Photos on their way: their bytes, their kind, and what is said of them."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Literal, TypedDict

from nevus_client.answers import Modality, Sex

PhotoLike = bytes | str | Path | BinaryIO
"""A photo's bytes, its path, or an open file."""

KINDS = {b"\xff\xd8\xff": "image/jpeg", b"\x89PNG": "image/png", b"RIFF": "image/webp"}


class Facts(TypedDict, total=False):
    """What is said of a photo; all of it may be left out, and None counts as left out."""

    modality: Modality | Literal["dermoscopic", "clinical"] | None
    age: int | None
    sex: Sex | Literal["female", "male", "unknown"] | None
    site: str | None
    fitzpatrick: int | None
    case_id: str | None
    consent_training: bool | None
    consent_version: str | None


def read_photo(photo: PhotoLike) -> bytes:
    """All its bytes; raises OSError."""
    if isinstance(photo, bytes):
        return photo
    return Path(photo).read_bytes() if isinstance(photo, str | Path) else photo.read()


def content_type(photo: bytes) -> str:
    """By its first bytes; HEIC, which begins with a box of any length, is what is left."""
    found = [kind for start, kind in KINDS.items() if photo.startswith(start)]
    return found[0] if found else ("image/heic" if photo[4:8] == b"ftyp" else "image/jpeg")


def stated(facts: Facts) -> dict[str, str | int | bool]:
    """Those that are said, as JSON has them."""
    said = {name: value for name, value in facts.items() if value is not None}
    return {name: value if isinstance(value, bool | int) else str(value) for name, value in said.items()}


def form(facts: Facts) -> dict[str, str]:
    """Those that are said, as a form has them."""
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in stated(facts).items()
    }
