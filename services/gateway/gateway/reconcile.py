"""What was left half-way is finished here: pending predictions, training runs whose job ended without a word.

And removed: old tombstones and uploads, photos without a record. Nothing is remembered between rounds: any instance may
run the next one, and several may run at once.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

from gateway import audit_log, drain, monitor, quarantine, retrain
from gateway.drain import Moments
from gateway.predict import attempt, count, failed
from gateway.services import Services
from nevus import clock
from nevus.audit_links import Head
from nevus.domain import Prediction, Status
from nevus.ports import TOMBSTONES_KEPT, Gone, NotFound, PortError, PreconditionFailed

log = logging.getLogger("gateway.reconcile")
BATCH = 20
GIVE_UP_AFTER = timedelta(hours=24)
EVER = datetime.max.replace(tzinfo=UTC)
ORPHAN_AFTER = timedelta(hours=1)  # a photo is stored some seconds before its record at most
SWEEP_SECONDS = 3600.0
SAMPLE, FEW_ORPHANS = 100, 10  # photos


class Reconciler:
    """Works beside the requests, one photo at a time, so that a backlog does not starve new ones."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._anchored: Head | None = None

    async def run(self) -> None:
        """For ever; a fault is logged, holds up nothing else, and the next round tries again."""
        next_sweep = 0.0
        timer = asyncio.get_running_loop().time
        while True:
            await tried(self.round())
            await tried(retrain.settle_active(self._services))
            await tried(self.anchor())
            if timer() >= next_sweep:
                next_sweep = timer() + SWEEP_SECONDS  # also after one that fails: it lists all photos
                await monitor.keep_fresh(self._services)
                await tried(self.sweep())
            await asyncio.sleep(self._services.settings.reconcile_after * random.uniform(0.5, 1.0) + 0.1)  # noqa: S311

    async def anchor(self) -> None:
        """Keep the audit log's head outside of it, wherever it has moved since this was last done."""
        head = await self._services.records.audit_head()
        if head == self._anchored:
            return
        held = await audit_log.anchor(self._services.records, self._services.photos)
        self._services.metrics.audit_broken.set(not held)
        self._anchored = head

    async def catch_up(self, seconds: float) -> Counter[Status]:
        """Rounds until one finishes nothing or the time is up; how many were finished, by what came out."""
        timer = asyncio.get_running_loop().time
        end, finished = timer() + seconds, Counter[Status]()
        while timer() < end:
            done = await self.round(end - timer())
            finished += done
            if not done:
                break
        return finished

    async def round(self, seconds: float = float("inf")) -> Counter[Status]:
        """Try the oldest pending predictions that are due, beginning none after `seconds`; what came of them.

        Inference that is not ready costs none of their tries.
        """
        timer, now = asyncio.get_running_loop().time, clock.now()
        end = timer() + seconds
        waiting = await self._services.records.with_status(Status.PENDING, before=EVER, limit=BATCH)
        self._services.backlog.pending = await self._count(waiting)
        self._services.metrics.pending.set(self._services.backlog.pending)
        due = [record for record in waiting if self._is_due(record, now)]
        finished = Counter[Status]()
        if due and await self._services.classifier.ready():
            finished = await self._drain(due, end)
        else:
            for record in waiting:
                if now - record.created_at > GIVE_UP_AFTER:
                    finished.update(await self._end(failed(record, "inference was not to be had for a day")))
        return finished

    async def _drain(self, due: list[Prediction], end: float) -> Counter[Status]:
        """One after another, at their moments, until that time or until inference is no longer ready."""
        timer, finished = asyncio.get_running_loop().time, Counter[Status]()
        moments = await Moments.reserve(self._services, len(due))
        for record in due:
            if timer() >= end or not await moments.next(end - timer()):
                break
            if record is not due[0] and not await self._services.classifier.ready():
                break
            finished.update(await self._finish(record))
        return finished

    def _is_due(self, record: Prediction, now: datetime) -> bool:
        """Whether it may be tried again: the pause doubles with each try of ours.

        One whose last try lies ahead is due: the clock was set back, and nobody is to wait until it is there again.
        """
        tries = 0 if record.tried_at is None else record.attempts
        pause = timedelta(seconds=self._services.settings.reconcile_after * 2**tries)
        return not timedelta() <= now - (record.tried_at or record.created_at) < pause

    async def _count(self, waiting: tuple[Prediction, ...]) -> int:
        """All that wait; counting the whole store only when the batch is full."""
        if len(waiting) < BATCH:
            return len(waiting)
        return (await self._services.records.counts()).get(f"status:{Status.PENDING}", 0)

    async def _finish(self, record: Prediction) -> tuple[Status, ...]:
        """Claim it, try it, and write down what came out, if it is no longer pending.

        The claim counts as a try, so that a photo which ends the process is not tried for ever; while its pause lasts
        no other instance takes it.
        """
        claim = record.model_copy(update={"attempts": record.attempts + 1, "tried_at": clock.now()})
        try:
            claimed = await self._services.records.replace(claim)
        except (PreconditionFailed, NotFound, Gone):
            return ()  # another one was faster, or it was erased meanwhile
        tried = await self._try(claimed)
        if tried.status is not Status.PENDING:
            return await self._end(tried)
        if claimed.attempts >= self._services.settings.reconcile_tries:
            return await self._end(failed(claimed, "inference could not answer"))
        self._services.metrics.reconciled.labels(Status.PENDING.value).inc()
        return ()

    async def _try(self, record: Prediction) -> Prediction:
        """What comes of it; a fault that nobody foresaw leaves it pending."""
        try:
            jpeg = (await self._services.photos.get(record.photo.key(record.id))).data
            return await attempt(self._services, record, jpeg, self._services.settings.inference_timeout)
        except NotFound:
            return failed(record, "its photo is gone")
        except Exception:
            log.exception("a pending prediction could not be tried")
            return record

    async def _end(self, record: Prediction) -> tuple[Status, ...]:
        """Write a record that is no longer pending; its status, or nothing where another one was faster."""
        try:
            await self._services.records.replace(record)
        except (PreconditionFailed, NotFound, Gone):
            return ()
        self._services.metrics.reconciled.labels(record.status.value).inc()
        count(self._services, record)
        return (record.status,)

    async def sweep(self, seconds: float = float("inf")) -> int:
        """Drop old tombstones and uploads, and photos of some age that no record names; how many objects went.

        After `seconds` it stops looking at photos; another sweep looks at others.
        """
        end, now = asyncio.get_running_loop().time() + seconds, clock.now()
        await self._services.records.forget_tombstones(before=now - TOMBSTONES_KEPT)
        uploads = await self._services.photos.list(quarantine.PREFIX)
        gone = [key for key in uploads if quarantine.is_over(key, now)]
        for key in gone:
            await self._services.photos.delete(key)
        old = now - ORPHAN_AFTER
        keys = await self._services.photos.list("", before=old)
        kept = (quarantine.PREFIX, monitor.PREFIX, audit_log.PREFIX, drain.PREFIX)
        return len(gone) + await self._drop_orphans([key for key in keys if not key.startswith(kept)], old, end)

    async def _drop_orphans(self, photos: list[str], old: datetime, end: float) -> int:
        """In another order each time, so that a store too large for one sweep is seen through by several."""
        dropped = 0
        random.shuffle(photos)
        if await self._are_of_other_records(photos[:SAMPLE]):
            log.error("most photos have no record, so no photo is dropped: are these the records of these photos?")
            return 0
        for start in range(0, len(photos), BATCH):
            if asyncio.get_running_loop().time() >= end:
                break
            batch = photos[start : start + BATCH]
            dropped += sum(await asyncio.gather(*(self._dropped_if_orphan(key, old) for key in batch)))
        return dropped

    async def _are_of_other_records(self, sample: list[str]) -> bool:
        """Whether so many have no record that the database must be empty, or another one."""
        orphans = sum(await asyncio.gather(*map(self._is_orphan, sample)))
        return orphans > FEW_ORPHANS and 2 * orphans > len(sample)

    async def _dropped_if_orphan(self, key: str, old: datetime) -> bool:
        """A retry may have stored it anew since it was listed, and be about to write its record."""
        if not await self._is_orphan(key):
            return False
        await self._services.photos.delete(key, before=old)
        return True

    async def _is_orphan(self, key: str) -> bool:
        """Whether no record names it, nor will by a request that is under way here, however the clock has jumped."""
        record_id = key.partition(".")[0]
        if record_id in self._services.under_way:
            return False
        try:
            record = await self._services.records.get(record_id)
        except (NotFound, Gone):
            return True
        except PortError:
            return False
        return record.photo.key(record.id) != key


async def tried(work: Awaitable[object]) -> None:
    """Do it; a fault is logged."""
    try:
        await work
    except Exception:
        log.exception("reconciling failed")
