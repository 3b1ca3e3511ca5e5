"""The canary's life: seen in its channel, tried with the photos that come, ended by itself when it leaves its band."""

from __future__ import annotations

import asyncio
import logging
import time

from gateway.judge import Bands
from gateway.metrics import Metrics
from gateway.settings import Settings
from gateway.trial import PROMOTED, Trial, TrialView
from nevus.audit import by_service
from nevus.domain import Prediction
from nevus.ports import NotFound, PortError, PreconditionFailed, RecordStore
from nevus.registry import Channel, Registry, RegistryError

log = logging.getLogger("gateway.canary")
ASLEEP = 4  # intervals after which a canary is asked for again before it gets a photo
PATIENCE = 0.5  # seconds that photos wait for that, all together
FORGOTTEN = 12  # intervals without a look that succeeded, after which there is no canary


class Canaries:
    """Follows the channel with the requests that come, since between them there may be no CPU.

    A photo that finds the last look older than `canary_refresh` starts the next one and goes on with what is known. The
    first photo waits for it, and so does one that would go to a canary not heard of for long.
    """

    def __init__(
        self, settings: Settings, registry: Registry, promotion: Registry, records: RecordStore, metrics: Metrics
    ) -> None:
        self._settings, self._metrics, self._records = settings, metrics, records
        self._registry, self._promotion = registry, promotion
        self._trial: Trial | None = None
        self._tried = self._seen = self._patient = float("-inf")
        self._look: asyncio.Task[None] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def trial(self) -> Trial | None:
        """The one that is under way, if any; never raises."""
        now = time.monotonic()
        interval = self._settings.canary_refresh
        if self._look is None and now - self._tried >= interval:
            self._tried, self._look = now, asyncio.create_task(self._again())
            if self._seen == float("-inf") or (self._trial and now - self._seen >= ASLEEP * interval):
                self._patient = now + PATIENCE
        if self._look is not None and now < self._patient:
            await asyncio.wait({self._look}, timeout=self._patient - now)
        known = self._trial
        return known if known and not known.over and time.monotonic() - self._seen < FORGOTTEN * interval else None

    def look_again(self) -> None:
        """Have the next photo look at the channel: it has been moved from here."""
        self._tried = self._seen = float("-inf")

    def view(self, generation: int) -> TrialView | None:
        """The trial of that pointer, if this instance has seen it."""
        return self._trial.view() if self._trial and self._trial.generation == generation else None

    def see(self, trial: Trial, record: Prediction, seconds: float, *, canary: bool, failed: bool = False) -> None:
        """Count what came of a photo, and end the trial when the judge says so."""
        channel = (Channel.CANARY if canary else Channel.CHAMPION).value
        if not trial.see(record, seconds, canary=canary, failed=failed):
            return
        answered = record.result is not None and not failed
        self._metrics.canary_photos.labels(channel, "answered" if answered else "failed").inc()
        self._metrics.canary_distance.set(trial.distance)
        if answered:
            self._metrics.canary_seconds.labels(channel).observe(seconds)
        if trial.over and self._ending is None:
            self._ending = asyncio.create_task(self._end(trial))

    def miss(self, trial: Trial) -> None:
        """Count a photo that found the canary not loaded; the champion answers it, and it is no fault."""
        trial.absent += 1
        self._metrics.canary_photos.labels(Channel.CANARY.value, "absent").inc()

    async def _again(self) -> None:
        try:
            pointer, generation = await self._registry.pointer(Channel.CANARY)
        except NotFound:
            self._trial, self._seen = None, time.monotonic()
        except (PortError, RegistryError) as error:
            log.warning("the canary's channel cannot be read", extra={"cause": type(error).__name__})
        else:
            self._seen = time.monotonic()
            if pointer.ended or pointer.share is None:
                self._trial = None
            elif self._trial is None or self._trial.generation != generation:
                self._trial = Trial(pointer, generation, bands_of(self._settings), timeout_of(self._settings))
            elif self._trial.over and self._ending is None:
                self._ending = asyncio.create_task(self._end(self._trial))  # the last time it could not be written
        finally:
            self._look = None

    async def _end(self, trial: Trial) -> None:
        """Write that it has ended, unless somebody has moved the channel meanwhile."""
        if trial.over is None:
            return
        reason, version = f"{trial.over.measure}: {trial.over.told}", trial.pointer.version
        try:
            await self._promotion.end(Channel.CANARY, reason, if_generation=trial.generation)
            self._metrics.canary_ends.labels(trial.over.measure).inc()
            level = logging.INFO if trial.over is PROMOTED else logging.ERROR
            log.log(level, "the canary has ended by itself", extra={"version": version, "reason": reason})
            await self._records.audit(by_service("canary-end", f"canary -> {version}", reason))
        except (PreconditionFailed, NotFound):
            log.info("the canary has ended elsewhere", extra={"version": version})
        except (PortError, RegistryError):
            log.exception("the end of the canary could not be written")
        finally:
            self._ending = None

    async def close(self) -> None:
        """Drop a look that is under way; let an end be written."""
        if self._look is not None:
            self._look.cancel()
        if self._ending is not None:
            await self._ending


def timeout_of(settings: Settings) -> float:
    """Seconds for the canary, so that as many at least are left for the champion."""
    return min(settings.canary_timeout, settings.inference_timeout / 2)


def bands_of(settings: Settings) -> Bands:
    """As they are set."""
    return Bands(
        error=settings.canary_error_band,
        latency=settings.canary_latency_band,
        score=settings.canary_score_band,
        alpha=settings.canary_alpha,
        every=settings.canary_every,
        window=settings.canary_window,
    )
