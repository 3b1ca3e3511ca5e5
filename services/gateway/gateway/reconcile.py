"""What was left half-way is finished here: pending predictions, old tombstones and uploads, photos without a record."""

from __future__ import annotations

import asyncio
import logging
import random
from datetime import UTC, datetime, timedelta

from gateway import quarantine
from gateway.predict import attempt, count, photo_key
from gateway.services import Services
from nevus.domain import Prediction, Status
from nevus.ports import TOMBSTONES_KEPT, Gone, NotFound, PortError, PreconditionFailed

log = logging.getLogger("gateway.reconcile")
BATCH = 20
GIVE_UP_AFTER = timedelta(hours=24)
SWEEP_SECONDS = 3600.0


class Reconciler:
    """Runs beside the requests, one photo at a time, so that a backlog does not starve new ones."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._not_before: dict[str, datetime] = {}
        self._suspects: set[str] = set()

    async def run(self) -> None:
        """For ever; a fault is logged and the next round tries again."""
        next_sweep = 0.0
        clock = asyncio.get_running_loop().time
        while True:
            try:
                await self.round()
                if clock() >= next_sweep:
                    await self.sweep()
                    next_sweep = clock() + SWEEP_SECONDS
            except Exception:
                log.exception("reconciling failed")
            await asyncio.sleep(self._services.settings.reconcile_after * random.uniform(0.5, 1.0) + 0.1)  # noqa: S311

    async def round(self) -> None:
        """Try the oldest pending predictions that are due; inference that is not ready costs none of their tries."""
        settings, now = self._services.settings, datetime.now(UTC)
        before = now - timedelta(seconds=settings.reconcile_after)
        waiting = await self._services.records.with_status(Status.PENDING, before=before, limit=BATCH)
        self._services.metrics.pending.set(await self._count(waiting))
        due = [record for record in waiting if self._not_before.get(record.id, now) <= now]
        if due and await self._services.classifier.ready():
            for record in due:
                await self._finish(record)
        for record in (record for record in waiting if now - record.created_at > GIVE_UP_AFTER):
            await self._save(failed(record, "inference was not to be had for a day"))

    async def _count(self, waiting: tuple[Prediction, ...]) -> int:
        """All that wait; counting the whole store only when the batch is full."""
        if len(waiting) < BATCH:
            return len(waiting)
        return (await self._services.records.counts()).get(f"status:{Status.PENDING}", 0)

    async def _finish(self, record: Prediction) -> None:
        settings, tried = self._services.settings, await self._try(record)
        if tried.status is Status.PENDING and tried.attempts >= settings.reconcile_tries:
            tried = failed(tried, "inference could not answer")
        if tried.status is Status.PENDING:
            pause = settings.reconcile_after * 2**tried.attempts
            self._not_before[record.id] = datetime.now(UTC) + timedelta(seconds=pause)
        await self._save(tried)

    async def _try(self, record: Prediction) -> Prediction:
        """One more attempt; a fault that nobody foresaw counts as one too, so that no record is tried for ever."""
        try:
            jpeg = (await self._services.photos.get(photo_key(record.id, record.photo))).data
            return await attempt(self._services, record, jpeg)
        except NotFound:
            return failed(record, "its photo is gone")
        except Exception:
            log.exception("a pending prediction could not be tried")
            return record.model_copy(update={"attempts": record.attempts + 1})

    async def _save(self, record: Prediction) -> None:
        try:
            await self._services.records.replace(record)
        except (PreconditionFailed, NotFound, Gone):
            return  # another one was faster, or it was erased meanwhile
        self._services.metrics.reconciled.labels(record.status.value).inc()
        if record.status is not Status.PENDING:
            self._not_before.pop(record.id, None)
            count(self._services, record)

    async def sweep(self) -> None:
        """Drop old tombstones and uploads, and photos that had no record in this sweep and the one before."""
        await self._services.records.forget_tombstones(before=datetime.now(UTC) - TOMBSTONES_KEPT)
        keys, now = await self._services.photos.list(""), datetime.now(UTC)
        for key in (key for key in keys if key.startswith(quarantine.PREFIX) and quarantine.is_over(key, now)):
            await self._services.photos.delete(key)
        orphans = {key for key in keys if not key.startswith(quarantine.PREFIX) and await self._is_orphan(key)}
        for key in orphans & self._suspects:
            await self._services.photos.delete(key)
        self._suspects = orphans - self._suspects

    async def _is_orphan(self, key: str) -> bool:
        try:
            await self._services.records.get(key.partition(".")[0])
        except (NotFound, Gone):
            return True
        except PortError:
            return False
        return False


def failed(record: Prediction, why: str) -> Prediction:
    """A terminal state: not assessed."""
    return record.model_copy(update={"status": Status.FAILED, "error": why})
