"""Cursors of pages ordered by (created_at, id): what every store of records makes and reads alike."""

from __future__ import annotations

import base64
import binascii
import hashlib
from datetime import UTC, datetime, timedelta

from nevus.domain import Prediction, TrainingRun

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHECKSUM_BYTES = 6


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; raises TypeError for a moment without a zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def make_cursor(last: Prediction | TrainingRun) -> str:
    """An opaque, URL-safe name for the place after a record, with a checksum against accidents."""
    place = f"{to_micros(last.created_at)} {last.id}".encode()
    return base64.urlsafe_b64encode(checksum(place) + place).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[int, str]:
    """The microseconds and id of the place; raises ValueError for a text that `make_cursor` did not make."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a cursor") from error
    place = raw[CHECKSUM_BYTES:]
    if raw[:CHECKSUM_BYTES] != checksum(place) or b" " not in place:
        raise ValueError("not a cursor")
    micros, _, record_id = place.decode().partition(" ")
    return int(micros), record_id


def checksum(place: bytes) -> bytes:
    """Tells a cursor from other texts; no secret, since a page shows only what its caller may see."""
    return hashlib.sha256(place).digest()[:CHECKSUM_BYTES]
