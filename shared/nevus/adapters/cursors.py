"""Cursors of pages ordered by (created_at, id): what every store of records makes and reads alike."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime, timedelta

from nevus.domain import Prediction, TrainingRun

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHECKSUM_BYTES = 6
PLACE = re.compile(rb"(-?[0-9]{1,18}) ([A-Za-z0-9][A-Za-z0-9_.-]{0,63})")


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
    """The microseconds and id of the place; raises ValueError for a text that `make_cursor` could not have made."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = PLACE.fullmatch(raw, CHECKSUM_BYTES)
        if place is None or raw[:CHECKSUM_BYTES] != checksum(place[0]):
            raise ValueError("not a cursor")
        return to_micros(from_micros(int(place[1]))), place[2].decode()
    except (binascii.Error, UnicodeError, OverflowError) as error:
        raise ValueError("not a cursor") from error


def checksum(place: bytes) -> bytes:
    """Tells a cursor from other texts; no secret, since a page shows what its caller may see, whoever made it."""
    return hashlib.sha256(place).digest()[:CHECKSUM_BYTES]
