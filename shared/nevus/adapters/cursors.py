"""Cursors of pages ordered by (created_at, id): what every store of records makes and reads alike.

For review by (review, created_at, id), in the worklist by (urgency, created_at, id).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from datetime import UTC, datetime, timedelta

from nevus.domain import Prediction, TrainingRun
from nevus.worklist import urgency

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CHECKSUM_BYTES = 6
REVIEW_PLACE = re.compile(rb"([0-9]{1,6}) (-?[0-9]{1,18}) ([A-Za-z0-9][A-Za-z0-9_.-]{0,63})")
PLACE = re.compile(rb"(-?[0-9]{1,18}) ([A-Za-z0-9][A-Za-z0-9_.-]{0,63})")


def to_micros(moment: datetime) -> int:
    """Microseconds since 1970; raises TypeError for a moment without a zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def from_micros(micros: int) -> datetime:
    """The moment in UTC."""
    return EPOCH + timedelta(microseconds=micros)


def make_cursor(last: Prediction | TrainingRun) -> str:
    """An opaque, URL-safe name for the place after a record, with a checksum against accidents."""
    return encoded(f"{to_micros(last.created_at)} {last.id}".encode())


def make_review_cursor(last: Prediction) -> str:
    """The same among records ordered for review, whose priority is not None."""
    return numbered_cursor(last.review or 0, last)


def make_worklist_cursor(last: Prediction) -> str:
    """The same among records ordered for the worklist."""
    return numbered_cursor(urgency(last), last)


def numbered_cursor(number: int, last: Prediction) -> str:
    """The place after a record among those ordered by a number first."""
    return encoded(f"{number} {to_micros(last.created_at)} {last.id}".encode())


def encoded(place: bytes) -> str:
    """With its checksum."""
    return base64.urlsafe_b64encode(checksum(place) + place).decode().rstrip("=")


def read_cursor(cursor: str) -> tuple[int, str]:
    """The microseconds and id of the place; raises ValueError for a text that `make_cursor` could not have made."""
    micros, name = decoded(cursor, PLACE)
    return in_range(micros), name.decode()


def read_numbered_cursor(cursor: str) -> tuple[int, int, str]:
    """The number, microseconds and id of the place; raises ValueError for another text."""
    priority, micros, name = decoded(cursor, REVIEW_PLACE)
    return int(priority), in_range(micros), name.decode()


def in_range(micros: bytes) -> int:
    """Microseconds of a moment that there can be; else ValueError."""
    try:
        return to_micros(from_micros(int(micros)))
    except OverflowError as error:
        raise ValueError("not a cursor") from error


def decoded(cursor: str, pattern: re.Pattern[bytes]) -> tuple[bytes, ...]:
    """The parts of a place; raises ValueError."""
    try:
        raw = base64.b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        place = pattern.fullmatch(raw, CHECKSUM_BYTES)
        if place is None or raw[:CHECKSUM_BYTES] != checksum(place[0]):
            raise ValueError("not a cursor")
        return place.groups()
    except (binascii.Error, UnicodeError) as error:
        raise ValueError("not a cursor") from error


def checksum(place: bytes) -> bytes:
    """Tells a cursor from other texts; no secret, since a page shows what its caller may see, whoever made it."""
    return hashlib.sha256(place).digest()[:CHECKSUM_BYTES]
