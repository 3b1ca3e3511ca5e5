"""At which moments pending predictions are tried: so many a second, of all instances together, and none in step.

The instances share one object in the photo store that names the next free moment. Whoever wants to try some photos
moves it on, with a generation precondition, and has what lies between: the generic cell rate algorithm (ITU-T I.371).
"""

from __future__ import annotations

import asyncio
import logging
import random

from gateway.breaker import GuardedClassifier
from gateway.services import Services
from nevus import clock
from nevus.ports import NotFound, PhotoStore, PortError, PreconditionFailed

PREFIX = "reconcile/"
NEXT = PREFIX + "next.txt"
TRIES = 5
FAR = 60.0  # seconds; no instance reserves that much, so that a moment beyond was written by a clock that was wrong
COURTESY, COURTESIES = 1.0, 20  # seconds, at most, that a pending photo waits for new ones at the door; looks at it
log = logging.getLogger("gateway.drain")


def seconds_left(services: Services) -> float:
    """Until a photo that is pending from now on should have been tried."""
    settings = services.settings
    if settings.reconcile == "request":
        return FAR  # Cloud Scheduler asks once a minute
    return settings.reconcile_after + services.backlog.pending / settings.reconcile_rate + resting(services)


def resting(services: Services) -> float:
    """Seconds for which inference is given a rest."""
    return services.classifier.left if isinstance(services.classifier, GuardedClassifier) else 0.0


class Moments:
    """Of some photos, one after another."""

    def __init__(self, services: Services, begin: float) -> None:
        self._services, self._begin, self._number = services, begin, 0

    @classmethod
    async def reserve(cls, services: Services, count: int) -> Moments:
        """For so many photos, of all instances' together."""
        return cls(services, await reserved(services.photos, count / services.settings.reconcile_rate))

    async def next(self, seconds: float) -> bool:
        """Waits for it; False at once where it does not come within that time. New photos at the door go first."""
        moment = self._begin + (self._number + random.random()) / self._services.settings.reconcile_rate  # noqa: S311
        self._number += 1
        pause = moment - clock.now().timestamp()
        if pause > min(FAR, seconds):
            return False
        await asyncio.sleep(max(0.0, pause))
        await courtesy(self._services)
        return True


async def courtesy(services: Services) -> None:
    """Let new photos go first for a while."""
    for _ in range(COURTESIES):
        if not services.intake.waiting:
            break
        await asyncio.sleep(COURTESY / COURTESIES)


async def reserved(photos: PhotoStore, seconds: float) -> float:
    """Where a stretch of that length begins, as Unix time, that no other instance has.

    Now, where the store does not say: a photo that is tried at the wrong moment does less harm than one that is not.
    """
    for _ in range(TRIES):
        now = clock.now().timestamp()
        try:
            told, generation = await next_free(photos)
            begin = told if now < told < now + FAR else now
            await photos.put(NEXT, f"{begin + seconds:.3f}\n".encode(), if_generation=generation)
        except PreconditionFailed:
            continue
        except PortError as error:
            log.warning("the pace cannot be shared", extra={"cause": type(error).__name__})
            return now
        return begin
    return clock.now().timestamp() + random.uniform(0, seconds)  # noqa: S311


async def next_free(photos: PhotoStore) -> tuple[float, int]:
    """The moment and its generation; 0 where there is none, or none that can be read."""
    try:
        stored = await photos.get(NEXT)
    except NotFound:
        return 0.0, 0
    try:
        return float(stored.data), stored.generation
    except ValueError:
        return 0.0, stored.generation
