"""Following the channel while serving: a look at it on the request path, since between requests there may be no CPU."""

from __future__ import annotations

import asyncio
import logging
import time

from inference.metrics import REFRESHES
from inference.model import ModelHolder, load
from nevus.domain import ModelRef
from nevus.ports import Unavailable
from nevus.registry import Channel, Registry

logger = logging.getLogger("inference")
ASLEEP = 4  # intervals without a look that succeeded, or that was waited for, after which requests wait for one
PATIENCE = 2.0  # seconds for which they do, all together


class Follower:
    """Serves what the channel points at, `interval` seconds late at most while photos come.

    A request that finds the last look older than that starts the next one and goes on with the version at hand;
    after a long sleep it waits, so that a version that was withdrawn meanwhile does not answer. A store that is down or
    hangs is waited for as rarely. A version that fails leaves the one at hand serving; it is told in the log, in
    `/metrics` and in `refused`, and tried again.
    """

    def __init__(self, registry: Registry, channel: Channel, holder: ModelHolder, *, workers: int, interval: float):
        self._registry, self._channel, self._holder = registry, channel, holder
        self._workers, self._interval = workers, interval
        self._tried = self._seen = time.monotonic()
        self._look: asyncio.Task[None] | None = None
        self._awaited = float("-inf")
        self.refused: str | None = None

    async def load(self) -> ModelRef:
        """Load for the first time; raises RegistryError, PortError, OSError, ValueError."""
        loaded = await load(self._registry, await self._registry.resolve(self._channel), self._workers)
        self._holder.put(loaded)
        self._tried = self._seen = time.monotonic()
        return loaded.version.ref

    async def follow(self, timeout: float | None = None) -> None:
        """To be awaited by every request before it takes the version; never raises.

        It leaves a caller half of its `timeout` seconds at least.
        """
        now = time.monotonic()
        if self._look is None and self._holder.loaded and now - self._tried >= self._interval:
            self._tried, self._look = now, asyncio.create_task(self._again())
            if now - max(self._seen, self._awaited) >= ASLEEP * self._interval:
                self._awaited = now
        if self._look is not None and (seconds := self._awaited + PATIENCE - now) > 0:
            await asyncio.wait({self._look}, timeout=seconds if timeout is None else min(seconds, timeout / 2))

    async def _again(self) -> None:
        refused = None
        try:
            await self._swap_if_moved()
        except Unavailable as error:
            self._tell("unavailable", error)
            return
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a candidate, the version at hand serves on
            self._tell("refused", error)
            refused = f"{type(error).__name__}: {error}"
        finally:
            self._look = None
        self.refused, self._seen = refused, time.monotonic()

    async def _swap_if_moved(self) -> None:
        ref, serving = await self._registry.resolve(self._channel), self._holder.loaded
        if serving is not None and ref == serving.version.ref:
            return
        self._holder.put(await load(self._registry, ref, self._workers))
        REFRESHES.labels("swapped").inc()
        logger.info("swapped", extra={"model": ref.name, "version": ref.version, "sha256": ref.sha256})

    def _tell(self, outcome: str, error: Exception) -> None:
        REFRESHES.labels(outcome).inc()
        logger.error("not swapped: %s: %s", type(error).__name__, error)

    def close(self) -> None:
        """Drop a look that is under way."""
        if self._look is not None:
            self._look.cancel()
