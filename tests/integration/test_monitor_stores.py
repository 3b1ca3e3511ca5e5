"""Drift, outcomes and the order of review on either stores, with two instances that count at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.backends import Cloud
from tests.contract.predictions import prediction, result
from tests.emulators import Emulator
from tests.security.door import Door, open_door

from gateway import monitor
from gateway.settings import Settings
from nevus.domain import Decision, Diagnosis, ModelRef, Prediction
from nevus.registry import Channel

MORE = {"identity": "oidc", "google_cloud_project": "nevus-monitor", "intake_workers": 1, "reconcile": "request"}
NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)
FOUND = Diagnosis(label="melanoma", malignant=True, confirmed_by="cleo", confirmed_at=NOW)


def stored(number: int, model: ModelRef) -> Prediction:
    """Every third one is diagnosed and was missed; none has a place in the order of review yet."""
    decision, diagnosis = (Decision.REFER, None) if number % 3 else (Decision.ROUTINE, FOUND)
    at = NOW - timedelta(days=7 * (number % 2), minutes=20 + number)
    made = prediction(f"r{number}", created_at=at, model=model, result=result(decision), diagnosis=diagnosis)
    return made.model_copy(update={"review": None})


async def check(door: Door) -> None:
    services = door.services
    model = await services.registry.resolve(Channel.CHAMPION)
    for number in range(12):
        await services.records.create(stored(number, model))
    await services.records.erase("r1", at=NOW)
    first, second = await asyncio.gather(*(monitor.refresh(services, NOW) for _ in range(2)))
    later = await monitor.refresh(services, NOW + timedelta(hours=2))
    for report in (first, second, later):
        assert report
        counted = {each.week: each.n for each in report.drift}
        assert counted == {None: 11, "2026-W06": 6, "2026-W05": 5}
        assert [each.confirmed for each in report.outcomes] == [4, 2, 2]
    admin = await door.credentials("admin", "token")
    shown = (await door.client.get("/v1/stats", headers=admin)).json()
    assert shown["monitoring"]["outcomes"][0]["sensitivity"]["n"] == 4


async def check_review(door: Door) -> None:
    """The records that had no place in the order of review have one now."""
    services = door.services
    first_page = await services.records.review(limit=7)
    rest = await services.records.review(cursor=first_page.cursor, limit=7)
    numbers = [record.review or 0 for record in (*first_page.items, *rest.items)]
    assert len(numbers) == 11
    assert numbers == sorted(numbers, reverse=True)
    assert numbers.count(500) == 4


async def test_of_two_instances_one_counts_each_record_once(
    gcs: Emulator, firestore: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named: dict[str, Any] = {}
    for name, value in Cloud(gcs, firestore).settings(tmp_path / "gateway").items():
        monkeypatch.setenv(name, value)
        named[name.lower()] = value
    async with open_door(Settings.model_validate(MORE | named | {"data_dir": tmp_path})) as door:
        await check(door)


async def test_the_same_with_the_embedded_stores(models_dir: Path, tmp_path: Path) -> None:
    async with open_door(Settings.model_validate({"data_dir": tmp_path, "models_dir": models_dir} | MORE)) as door:
        await check(door)
        await check_review(door)
