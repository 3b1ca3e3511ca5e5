"""The quarantine: photos as clients upload them directly, until they have passed the intake; a day at most.

No record is kept of an upload. Its id begins with the time, so that a sweep knows its age, and its object's key begins
with a digest of its caller, so that nobody else's request leads to it and a caller's uploads can be counted.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
from datetime import UTC, datetime, timedelta

from gateway.problems import Problem
from gateway.services import Services
from nevus.domain import Caller

PREFIX = "quarantine/"
KEPT = timedelta(hours=24)
TIME_BYTES, RANDOM_BYTES = 6, 10  # milliseconds since 1970; 80 bits that nobody guesses
UPLOAD_ID = re.compile("[0-9a-v]{26}")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def new_upload_id(now: datetime) -> str:
    """26 characters that sort by time (base32 in its hexadecimal alphabet)."""
    begin = ((now - EPOCH) // MILLISECOND).to_bytes(TIME_BYTES, "big")
    return base64.b32hexencode(begin + secrets.token_bytes(RANDOM_BYTES)).decode().rstrip("=").lower()


def key_of(caller: Caller, upload_id: str) -> str:
    """The object's key in the photo store."""
    return f"{digest_of(caller)}.{upload_id}"


def digest_of(caller: Caller) -> str:
    """How the keys of a caller's uploads begin."""
    return PREFIX + hashlib.sha256(f"upload\0{caller.id}".encode()).hexdigest()[:32]


def owner_of(key: str) -> str:
    """The digest of the caller whose upload it is."""
    return key.partition(".")[0]


async def refuse_more(services: Services, key: str) -> None:
    """Raises Problem `too-many-uploads` when the caller whose key it is has as many waiting as there may be."""
    waiting = await services.photos.list(owner_of(key) + ".")
    if len(waiting) >= services.settings.upload_waiting:
        raise Problem("too-many-uploads", f"{len(waiting)} wait already. Have them assessed, or wait for a day.")


def is_over(key: str, now: datetime) -> bool:
    """Whether an object is older than the quarantine keeps it; one whose key has no upload id counts as over."""
    upload_id = key.rpartition(".")[2]
    if not UPLOAD_ID.fullmatch(upload_id):
        return True
    made = int.from_bytes(base64.b32hexdecode(upload_id.upper() + "=" * 6)[:TIME_BYTES], "big") * MILLISECOND
    return now - EPOCH - made > KEPT
