"""From answered photos to drift, alerts and confirmed outcomes: darker photos are seen, the same kind is not."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
import pytest_asyncio
from tests.contract.predictions import prediction
from tests.fakes import World, world
from tests.monitored import Answer, answers, baseline, registry_with

from gateway import monitor
from gateway.monitor import Report
from gateway.reconcile import Reconciler
from nevus.domain import Context, Decision, Diagnosis, Modality, Role, Status
from nevus.drift import Level
from nevus.ports import Gone
from nevus.tally import Drift, drift

NOW = datetime(2026, 2, 5, 12, tzinfo=UTC)  # a Thursday, of week 6
LAST_WEEK, EARLIER = NOW - timedelta(weeks=1), NOW - timedelta(weeks=3)


@cache
def same() -> list[Answer]:
    """On photos like those of the reference."""
    return answers(1000, 170)


@cache
def dark() -> list[Answer]:
    """On darker ones."""
    return answers(2000, 170, brightness=0.6)


@pytest.fixture(scope="module")
def models(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("registry") / "models"
    registry_with(baseline(answers(0, 260)), models_dir, folder)
    return folder


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models) as made:
        yield made


async def put(nevus: World, given: list[Answer], at: datetime, name: str = "p", **changes: object) -> list[str]:
    records = []
    for n, (said, embedding) in enumerate(given):
        facts = {"context": Context(modality=Modality.CLINICAL), "model": nevus.classifier.model, "review": 1000}
        record = prediction(f"{name}{at:%m%d}-{n}", created_at=at + timedelta(seconds=n), result=said)
        stored = {"embedding": embedding.astype("<f2").tobytes(), **facts, **changes}
        records.append(record.model_copy(update=stored))
    await asyncio.gather(*map(nevus.records.create, records))
    return [record.id for record in records]


async def told(nevus: World, now: datetime = NOW) -> Report:
    found = await monitor.refresh(nevus.services, now)
    assert found
    return found


def week(report: Report, name: str | None) -> Drift:
    (found,) = [each for each in report.drift if each.week == name]
    return found


async def test_darker_photos_are_flagged_and_photos_of_the_same_kind_are_not(nevus: World) -> None:
    await put(nevus, same(), LAST_WEEK)
    await put(nevus, dark(), NOW - timedelta(hours=2))
    report = await told(nevus)
    assert (week(report, "2026-W05").level, week(report, "2026-W06").level) == (Level.STABLE, Level.DRIFT)
    drifted = {each.measure for each in report.alerts}
    assert {"brightness", "direction_1"} <= drifted
    assert not drifted & {"probability", "ood", "decision"}
    assert {each.week for each in report.alerts} == {"2026-W06"}
    assert {each.measure for each in week(report, None).measures} == {
        "brightness", "contrast", "sharpness", "skin", "ita", "ood", "probability", "direction_1", "direction_2",
        "direction_3", "decision",
    }  # fmt: skip
    assert week(report, None).n == len(same()) + len(dark())
    async with nevus.client(Role.CLINICIAN, "cleo") as client:
        shown = Report.model_validate((await client.get("/v1/stats")).json()["monitoring"])
    assert shown == report


async def test_it_is_worked_out_once_an_hour_and_each_record_is_counted_once(nevus: World) -> None:
    await put(nevus, same()[:120], LAST_WEEK)
    first = await told(nevus)
    await put(nevus, same()[120:], NOW - timedelta(minutes=30))
    assert await told(nevus, NOW + timedelta(minutes=59)) == first
    second = await told(nevus, NOW + timedelta(minutes=61))
    assert week(second, "2026-W05") == week(first, "2026-W05")
    assert week(second, "2026-W06").n == len(same()) - 120
    again = dataclasses.replace(nevus.services)
    assert await monitor.refresh(again, NOW + timedelta(minutes=62)) == second
    later = await told(nevus, NOW + timedelta(weeks=10))
    assert (later.drift, later.alerts) == ((), ())


async def test_figures_are_worked_out_beside_the_event_loop(nevus: World, monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def watched(*given: Any) -> tuple[Drift, ...]:
        threads.append(current_thread())
        return drift(*given)

    monkeypatch.setattr(monitor, "drift", watched)
    await put(nevus, same()[:3], LAST_WEEK)
    await told(nevus)
    assert len(threads) == 1
    assert current_thread() not in threads


async def test_a_report_that_cannot_be_read_is_worked_out_anew(nevus: World) -> None:
    await put(nevus, same()[:3], LAST_WEEK)
    await nevus.photos.put(monitor.REPORT, b'{"as_of": "of another release"}')
    async with nevus.client(Role.CLINICIAN) as client:
        assert (await client.get("/v1/stats")).json()["monitoring"] is None
    report = await told(nevus)
    assert await monitor.latest(nevus.services) == report


async def test_of_instances_at_once_one_counts(nevus: World) -> None:
    await put(nevus, same(), LAST_WEEK)
    tally, generation = await monitor.stored_tally(nevus.services)
    counted = await monitor.count_new(nevus.services, tally, {}, NOW)
    report = await told(nevus)
    assert await monitor.keep(nevus.services, counted, generation, report) == report
    assert week(await told(nevus, NOW + timedelta(hours=2)), "2026-W05").n == len(same())


async def test_a_pending_photo_is_waited_for(nevus: World) -> None:
    await put(nevus, same()[:10], EARLIER)
    (late,) = await put(nevus, same()[10:11], LAST_WEEK, status=Status.PENDING, result=None, review=None)
    await put(nevus, same()[11:20], NOW - timedelta(days=1))
    assert week(await told(nevus), None).n == 10
    await nevus.records.replace((await nevus.records.get(late)).model_copy(update={"status": Status.FAILED}))
    found = await told(nevus, NOW + timedelta(hours=1))
    assert (week(found, None).n, found.counted_until) == (19, NOW - timedelta(days=1) + timedelta(seconds=8))


async def test_erased_ones_that_were_counted_stay_counted(nevus: World) -> None:
    ids = await put(nevus, same()[:30], LAST_WEEK)
    await told(nevus)
    for each in ids[:20]:
        await nevus.records.erase(each, at=NOW)
    assert week(await told(nevus, NOW + timedelta(hours=1)), "2026-W05").n == 30


async def test_a_version_without_a_reference_tells_its_decisions_alone(tmp_path: Path, models_dir: Path) -> None:
    async with world(tmp_path, models_dir) as nevus:
        model = nevus.classifier.model.model_copy(update={"version": "gone"})
        await put(nevus, same(), LAST_WEEK, model=model)
        found = week(await told(nevus), "2026-W05")
    assert (found.reference, found.level, found.measures) == (False, Level.TOO_FEW, ())
    assert sum(found.decisions.values()) == found.n == len(same())


async def test_records_from_before_there_was_an_order_of_review_get_theirs(nevus: World) -> None:
    (old,) = await put(nevus, same()[:1], EARLIER, review=None)
    assert not (await nevus.records.review()).items
    await told(nevus)
    assert [each.id for each in (await nevus.records.review()).items] == [old]


async def test_confirmed_outcomes_by_version_and_week(nevus: World) -> None:
    for kind, malignant, n, at in (("tp", True, 27, LAST_WEEK), ("fn", True, 3, LAST_WEEK), ("tn", False, 12, NOW)):
        decision = Decision.REFER if kind == "tp" else Decision.ROUTINE
        given = [(said.model_copy(update={"decision": decision}), each) for said, each in same()[:n]]
        found = Diagnosis(label="x", malignant=malignant, confirmed_by="cleo", confirmed_at=NOW)
        await put(nevus, given, at, kind, diagnosis=found)
    await put(nevus, same()[:40], LAST_WEEK, "unconfirmed")
    everything, this_week, last_week = (await told(nevus)).outcomes
    assert (everything.week, everything.confirmed, everything.malignant) == (None, 42, 30)
    assert (everything.sensitivity.value, everything.ppv.value) == (0.9, 1.0)
    assert everything.sensitivity.interval == pytest.approx((0.7438, 0.9654), abs=1e-3)
    assert (everything.specificity.n, everything.specificity.value) == (12, None)
    assert everything.npv.n == 15
    assert (this_week.week, this_week.confirmed, last_week.sensitivity.n) == ("2026-W06", 12, 30)
    assert this_week.sensitivity.interval is None


async def test_its_objects_are_no_orphans_and_its_figures_are_metrics(nevus: World) -> None:
    now = datetime.now(UTC)
    await put(nevus, dark(), now - timedelta(hours=1))
    await monitor.keep_fresh(nevus.services)
    await Reconciler(nevus.services).sweep()
    assert set(await nevus.photos.list(monitor.PREFIX)) == {monitor.TALLY, monitor.REPORT}
    version = nevus.classifier.model.version
    line = f'nevus_drift_psi{{measure="brightness",modality="clinical",version="{version}"}} '
    (found,) = [each for each in nevus.services.metrics.text().decode().splitlines() if each.startswith(line)]
    assert float(found.removeprefix(line)) > 0.25


async def test_a_record_erased_meanwhile_is_no_fault(nevus: World) -> None:
    (old,) = await put(nevus, same()[:1], EARLIER, review=None)
    record = await nevus.records.get(old)
    await nevus.records.erase(old, at=NOW)
    with pytest.raises(Gone):
        await nevus.records.get(old)
    await monitor.give_priority(nevus.services, record)
