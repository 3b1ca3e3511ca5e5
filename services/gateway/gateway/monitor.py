"""Drift and confirmed outcomes, worked out once an hour beside the requests and kept for all instances.

Two objects in the photo store: `monitoring/tally.json`, what has been counted so far, written with a generation
precondition so that of several instances one counts; and `monitoring/report.json`, what `/v1/stats` shows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable
from contextlib import suppress
from datetime import datetime, timedelta

from pydantic import Field, ValidationError

from gateway.services import Services
from nevus import clock
from nevus.domain import Frozen, ModelRef, Prediction, Status
from nevus.drift import Level
from nevus.outcomes import WARNING, Case, Outcome, case_of, table
from nevus.ports import Gone, NotFound, PreconditionFailed
from nevus.reference import Baseline, read_baseline
from nevus.registry import STATISTICS_FILE, RegistryError
from nevus.review import priority
from nevus.tally import Drift, Tally, counted, drift, without_old
from nevus.weeks import week_of

PREFIX = "monitoring/"
TALLY, REPORT = PREFIX + "tally.json", PREFIX + "report.json"
EVERY = timedelta(hours=1)
SETTLED = timedelta(minutes=10)  # after so long a record has been written, if its photo was taken
PAGE, MOST = 200, 20_000  # records counted at once, and in one hour
MOST_DIAGNOSED = 5_000
TRIES = 3  # of writing a record's place in the order of review
log = logging.getLogger("gateway.monitor")


class Alert(Frozen):
    """A measure that has drifted in this week or the one before."""

    week: str
    version: str
    modality: str
    measure: str
    psi: float | None = Field(description="less the bias of small numbers")


class Report(Frozen):
    """Drift by week and version, and what confirmed diagnoses say; worked out once an hour."""

    as_of: datetime
    counted_until: datetime | None = Field(description="photos up to this one are counted")
    alerts: tuple[Alert, ...]
    drift: tuple[Drift, ...]
    outcomes: tuple[Outcome, ...] = Field(description="each version over all weeks, then by week")
    outcomes_limited: bool = Field(description="true: only the newest 5,000 diagnoses are in the table")
    outcomes_warning: str = WARNING


async def keep_fresh(services: Services) -> None:
    """Work out what is an hour old, and show it as metrics; a fault is logged, and the next call tries again."""
    try:
        if report := await refresh(services, clock.now()):
            services.metrics.show_drift(report.drift, weeks(report.as_of))
    except Exception:
        log.exception("drift could not be worked out")


async def latest(services: Services) -> Report | None:
    """What was worked out last, if anything was; one that cannot be read, as of another release, is worked out anew."""
    try:
        return Report.model_validate_json((await services.photos.get(REPORT)).data)
    except NotFound:
        return None
    except ValidationError:
        log.warning("the last report on drift cannot be read")
        return None


async def refresh(services: Services, now: datetime) -> Report | None:
    """The report, worked out anew when it is an hour old; None while there is nothing to tell. Raises PortError."""
    known = await latest(services)
    if known and now - known.as_of < EVERY:
        return known
    before, generation = await stored_tally(services)
    baselines: dict[ModelRef, Baseline | None] = {}
    tally = without_old(await count_new(services, before, baselines, now), now.date())
    await load(services, (cell.model for cell in tally.cells), baselines)
    cases, limited = await confirmed(services)
    if not tally.cells and not cases:
        return known
    found = await asyncio.to_thread(drift, tally, baselines, now.date())
    report = Report(
        as_of=now,
        counted_until=tally.place[0] if tally.place else None,
        alerts=alerts(found, weeks(now)),
        drift=found,
        outcomes=table(cases),
        outcomes_limited=limited,
    )
    return await keep(services, tally, generation, report)


async def stored_tally(services: Services) -> tuple[Tally, int]:
    """What has been counted, and its generation; 0 where nothing has."""
    try:
        stored = await services.photos.get(TALLY)
    except NotFound:
        return Tally(), 0
    return Tally.model_validate_json(stored.data), stored.generation


async def count_new(
    services: Services, tally: Tally, baselines: dict[ModelRef, Baseline | None], now: datetime
) -> Tally:
    """With the records that have come since, up to the oldest that is pending, and MOST of them."""
    pending = await services.records.with_status(Status.PENDING, before=now, limit=1)
    before = min([now - SETTLED, *(record.created_at for record in pending)])
    for _ in range(MOST // PAGE):
        records = await services.records.since(tally.place, before=before, limit=PAGE)
        await load(services, (record.model for record in records if record.model), baselines)
        await asyncio.gather(*(give_priority(services, record) for record in records if record.review is None))
        tally = await asyncio.to_thread(counted, tally, records, baselines)
        if len(records) < PAGE:
            break
    return tally


async def give_priority(services: Services, record: Prediction) -> None:
    """To a record that was written before there was an order of review; another instance may be doing the same."""
    with suppress(NotFound, Gone):
        for _ in range(TRIES):
            try:
                await services.records.replace(record.model_copy(update={"review": priority(record)}))
                return
            except PreconditionFailed:
                record = await services.records.get(record.id)
            if record.review is not None:
                return


async def load(services: Services, models: Iterable[ModelRef], known: dict[ModelRef, Baseline | None]) -> None:
    """Read the references of versions that are not known yet; None for one that has none, or is gone or damaged."""
    for ref in set(models) - known.keys():
        try:
            known[ref] = read_baseline(await services.registry.file(ref, STATISTICS_FILE))
        except (NotFound, RegistryError, KeyError, OSError, ValueError) as error:
            log.warning("a version's reference cannot be read", extra={"cause": type(error).__name__})
            known[ref] = None


async def confirmed(services: Services) -> tuple[list[Case], bool]:
    """The newest diagnosed records, and whether there are more."""
    cases: list[Case] = []
    cursor: str | None = None
    for _ in range(MOST_DIAGNOSED // PAGE):
        page = await services.records.diagnosed(cursor=cursor, limit=PAGE)
        cases += [case for record in page.items if (case := case_of(record))]
        cursor = page.cursor
        if cursor is None:
            break
    return cases, cursor is not None


def weeks(now: datetime) -> frozenset[str]:
    """This week and the one before."""
    return frozenset({week_of(now), week_of(now - timedelta(weeks=1))})


def alerts(found: Iterable[Drift], recent: Collection[str]) -> tuple[Alert, ...]:
    """What has drifted lately."""
    return tuple(
        Alert(week=each.week, version=each.version, modality=each.modality, measure=one.measure, psi=one.corrected)
        for each in found
        for one in each.measures
        if each.week in recent and each.week and one.level is Level.DRIFT
    )


async def keep(services: Services, tally: Tally, generation: int, report: Report) -> Report:
    """Write both, and say in the log what has drifted; where another instance was faster, its two are kept."""
    try:
        await services.photos.put(TALLY, tally.model_dump_json().encode(), if_generation=generation)
    except PreconditionFailed:
        return report
    await services.photos.put(REPORT, report.model_dump_json().encode())
    if report.alerts:
        log.warning("photos have drifted", extra={"measures": sorted({each.measure for each in report.alerts})})
    return report
