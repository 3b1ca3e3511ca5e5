"""Upload ids and the keys of their objects, and how long the quarantine keeps them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes import World, world

from gateway.quarantine import KEPT, PREFIX, UPLOAD_ID, is_over, key_of, new_upload_id
from gateway.reconcile import Reconciler
from nevus.adapters.object_keys import checked_key
from nevus.domain import Caller, Role

ANNA, BEN = Caller(id="anna", role=Role.CLIENT), Caller(id="ben", role=Role.CLIENT)
NOW = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)
MOMENTS = st.datetimes(datetime(1970, 1, 1), datetime(9000, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


@given(MOMENTS, MOMENTS)
def test_ids_sort_by_time(one: datetime, other: datetime) -> None:
    early, late = sorted((one, other))
    if late - early >= timedelta(milliseconds=1):
        assert new_upload_id(early) < new_upload_id(late)
    assert UPLOAD_ID.fullmatch(new_upload_id(one))


def test_ids_do_not_repeat() -> None:
    assert len({new_upload_id(NOW) for _ in range(1000)}) == 1000


@given(MOMENTS)
def test_an_upload_is_over_after_a_day(made: datetime) -> None:
    key, slack = key_of(ANNA, new_upload_id(made)), timedelta(milliseconds=2)
    assert not is_over(key, made + KEPT - slack)
    assert is_over(key, made + KEPT + slack)


@given(st.text())
def test_any_text_may_be_asked_about(text: str) -> None:
    assert is_over(PREFIX + text, NOW) or UPLOAD_ID.search(text)


@pytest.mark.parametrize("text", ["", "../x", "v" * 25, "v" * 27, "w" * 26, "V" * 26, "0" * 25 + "\n"])
def test_what_is_no_upload_id_counts_as_over(text: str) -> None:
    assert is_over(PREFIX + text, NOW)


def test_a_key_is_its_callers_own() -> None:
    upload_id = new_upload_id(NOW)
    keys = {key_of(ANNA, upload_id), key_of(BEN, upload_id), key_of(ANNA, new_upload_id(NOW))}
    assert len(keys) == 3
    assert all(checked_key(key).startswith(PREFIX) and "anna" not in key for key in keys)
    assert not is_over(key_of(ANNA, upload_id), NOW + KEPT / 2)


async def test_the_sweep_drops_abandoned_uploads_and_spares_the_others(nevus: World) -> None:
    now = datetime.now(UTC)
    old, fresh = [key_of(ANNA, new_upload_id(now - age)) for age in (KEPT + timedelta(minutes=1), KEPT / 2)]
    for key in (old, fresh, PREFIX + "stray"):
        await nevus.photos.put(key, b"raw")
    reconciler = Reconciler(nevus.services)
    for _ in range(3):
        await reconciler.sweep()
        assert list(await nevus.photos.list("")) == [fresh]
