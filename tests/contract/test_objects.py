from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nevus.adapters.object_keys import checked_key
from nevus.ports import NotFound, ObjectStore, PreconditionFailed

BAD_KEYS = ["", "/a", "a/", "a//b", "../a", "a/../b", ".", "a/.b", "a\x00", "a\nb", "a\\b", " a", "a" * 201, "a/" * 300]


async def test_reads_back_what_was_put(objects: ObjectStore) -> None:
    generation = await objects.put("photos/one", b"pixels")
    stored = await objects.get("photos/one")
    assert (stored.data, stored.generation) == (b"pixels", generation)


async def test_takes_empty_objects(objects: ObjectStore) -> None:
    await objects.put("empty", b"")
    assert (await objects.get("empty")).data == b""


async def test_a_missing_object_is_not_found_and_may_be_deleted(objects: ObjectStore) -> None:
    await objects.delete("photos/none")
    with pytest.raises(NotFound):
        await objects.get("photos/none")


async def test_deleted_is_gone(objects: ObjectStore) -> None:
    await objects.put("photos/one", b"pixels")
    await objects.delete("photos/one")
    with pytest.raises(NotFound):
        await objects.get("photos/one")
    assert not await objects.list("")


async def test_deletes_what_was_written_before_a_moment_and_nothing_newer(objects: ObjectStore) -> None:
    await objects.put("one", b"pixels")
    now = datetime.now(UTC)
    await objects.delete("one", before=now - timedelta(minutes=1))
    assert (await objects.get("one")).data == b"pixels"
    for _ in range(2):
        await objects.delete("one", before=now + timedelta(minutes=1))
    assert not await objects.list("")


async def test_lists_sorted_keys_by_prefix(objects: ObjectStore) -> None:
    for key in ("m/b", "m/a", "m/ab/c", "n/a"):
        await objects.put(key, b"")
    assert list(await objects.list("m/a")) == ["m/a", "m/ab/c"]
    assert list(await objects.list("m/")) == ["m/a", "m/ab/c", "m/b"]
    assert list(await objects.list("")) == ["m/a", "m/ab/c", "m/b", "n/a"]
    assert not list(await objects.list("none/")) + list(await objects.list("../"))


async def test_lists_what_was_written_before_a_moment(objects: ObjectStore) -> None:
    await objects.put("m/one", b"first")
    now = datetime.now(UTC)
    assert list(await objects.list("m/", before=now + timedelta(minutes=1))) == ["m/one"]
    assert not await objects.list("m/", before=now - timedelta(minutes=1))
    assert not await objects.list("n/", before=now + timedelta(minutes=1))


async def test_generation_zero_creates_only(objects: ObjectStore) -> None:
    await objects.put("one", b"first", if_generation=0)
    with pytest.raises(PreconditionFailed):
        await objects.put("one", b"second", if_generation=0)
    assert (await objects.get("one")).data == b"first"


async def test_a_generation_replaces_only_itself(objects: ObjectStore) -> None:
    first = await objects.put("one", b"first")
    second = await objects.put("one", b"second", if_generation=first)
    assert second != first
    for stale in (first, 12345):
        with pytest.raises(PreconditionFailed):
            await objects.put("one", b"third", if_generation=stale)
    with pytest.raises(PreconditionFailed):
        await objects.put("none", b"", if_generation=second)
    assert (await objects.get("one")).data == b"second"


async def test_of_many_writers_exactly_one_meets_a_precondition(objects: ObjectStore) -> None:
    generation = await objects.put("one", b"")
    for expected in (generation, 0):
        key = "one" if expected else "new"
        puts = [objects.put(key, str(n).encode(), if_generation=expected) for n in range(20)]
        outcomes = await asyncio.gather(*puts, return_exceptions=True)
        winners = [n for n, outcome in enumerate(outcomes) if isinstance(outcome, int)]
        assert len(winners) == 1
        assert (await objects.get(key)).data == str(winners[0]).encode()
        assert all(isinstance(each, int | PreconditionFailed) for each in outcomes)


@pytest.mark.parametrize("key", BAD_KEYS)
async def test_refuses_a_bad_key(objects: ObjectStore, key: str) -> None:
    for call in (objects.put(key, b""), objects.get(key), objects.delete(key)):
        with pytest.raises(ValueError, match="key"):
            await call


@given(st.text())
def test_a_checked_key_stays_inside(key: str) -> None:
    try:
        checked_key(key)
    except ValueError:
        return
    parts = key.split("/")
    assert ".." not in parts
    assert "" not in parts
    assert "\0" not in key
