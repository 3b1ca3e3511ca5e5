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
ASLEEP = 4  # intervals without a look, after which a request waits for one
PATIENCE = 2.0  # seconds for which a look is waited for, by all such requests together


class Follower:
    """Serves what the channel points at, `interval` seconds late at most while photos come.

    A request that finds the last look older than that starts the next one and goes on with the version at hand;
    after a long sleep it waits, so that a version that was withdrawn meanwhile does not answer. A store that is down or
    hangs delays no others. A version that fails leaves the one at hand serving; it is told in the log, in `/metrics`
    and in `refused`, and tried again.
    """

    def __init__(self, registry: Registry, channel: Channel, holder: ModelHolder, *, workers: int, interval: float):
        self._registry, self._channel, self._holder = registry, channel, holder
        self._workers, self._interval = workers, interval
        self._begun = self._ended = time.monotonic()
        self._look: asyncio.Task[None] | None = None
        self._wait_until: float | None = None
        self.refused: str | None = None

    async def load(self) -> ModelRef:
        """Load for the first time; raises RegistryError, PortError, OSError, ValueError."""
        loaded = await load(self._registry, await self._registry.resolve(self._channel), self._workers)
        self._holder.put(loaded)
        self._begun = self._ended = time.monotonic()
        return loaded.version.ref

    async def follow(self, timeout: float | None = None) -> None:
        """To be awaited by every request before it takes the version; never raises.

        It leaves a caller half of its `timeout` seconds at least.
        """
        now = time.monotonic()
        if self._look is None and self._holder.loaded and now - self._begun >= self._interval:
            self._begun, self._wait_until = now, None
            self._look = asyncio.create_task(self._again())
        if self._look is not None and now - self._ended >= ASLEEP * self._interval:
            self._wait_until = self._wait_until or now + PATIENCE
            seconds = max(0.0, self._wait_until - now)
            await asyncio.wait({self._look}, timeout=seconds if timeout is None else min(seconds, timeout / 2))

    async def _again(self) -> None:
        try:
            await self._swap_if_moved()
            self.refused = None
        except Unavailable as error:
            self._tell("unavailable", error)
        except Exception as error:  # noqa: BLE001  # whatever is wrong with a candidate, the version at hand serves on
            self._tell("refused", error)
            self.refused = f"{type(error).__name__}: {error}"
        finally:
            self._look, self._ended = None, time.monotonic()

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
