"""A cursor that somebody made up, checksum and all: told apart or a place like any other, never a fault."""

from __future__ import annotations

import base64

import pytest

from nevus.adapters.cursors import checksum
from nevus.ports import RecordStore, RunStore

NO_PLACES = [b"9" * 32 + b" a", b"-" + b"9" * 32 + b" a", b"9223372036854775808 a", b"9223372036854775807 a"]
NO_PLACES += [b"1 ", b"1 a/b", b"1 a/b/c", b"1 \xff", b"1 \x00", b"1 ..", b"1 __a__", b"nan a", b"1.5 a", b" a"]


def forged(place: bytes) -> str:
    """As a page's cursor."""
    return base64.urlsafe_b64encode(checksum(place) + place).decode().rstrip("=")


@pytest.mark.parametrize("place", NO_PLACES, ids=repr)
async def test_a_forged_cursor_of_records_is_told_apart(records: RecordStore, place: bytes) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        await records.page(owner="anna", cursor=forged(place))


@pytest.mark.parametrize("place", NO_PLACES, ids=repr)
async def test_a_forged_cursor_of_runs_is_told_apart(runs: RunStore, place: bytes) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        await runs.page(cursor=forged(place))
