"""The door: uploads inside at once, uploads that wait before it, and the workers that turn them into clean photos."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from gateway.intake_pool import Limits, Pool
from gateway.intake_worker import Clean, Refusal
from gateway.metrics import Metrics
from gateway.problems import Problem, busy

MEMORY = 512 * 1024 * 1024
PATIENCE = 5.0  # seconds that an upload waits for a place


class Intake:
    """`workers` processes, `places` uploads inside and `queue` before them.

    Decoding one photo may take `timeout` seconds, and `cpu` of a processor's.

    One caller holds three places in four at most, so that whoever sends slowly does not close the door to others.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        workers: int = 2,
        places: int = 16,
        queue: int = 128,
        timeout: float = 5.0,
        cpu: float = 1.7,
    ) -> None:
        self._metrics = metrics
        self._places, self._queue, self._waiting = asyncio.Semaphore(places), queue, 0
        self._share = places - places // 4
        self._shares: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()  # of those who are here
        self._lock_file = tempfile.NamedTemporaryFile(prefix="nevus-intake-")  # noqa: SIM115  # lives as long as we do
        self._pool = Pool(workers, Limits(MEMORY, cpu, timeout, self._lock_file.name))

    async def start(self) -> None:
        """Start the workers, so that the first photo need not wait for them."""
        await self._pool.start()

    @asynccontextmanager
    async def place(self, caller: str) -> AsyncIterator[None]:
        """A place for one upload of `caller`, taken before its body is read; first come, first served.

        Raises the `busy` problem at once when the queue is full, or when no place was free for `PATIENCE` seconds.
        """
        share = self._shares.setdefault(caller, asyncio.Semaphore(self._share))
        await self._enter(share)
        try:
            yield
        finally:
            self._places.release()
            share.release()

    async def _enter(self, share: asyncio.Semaphore) -> None:
        full = (self._places.locked() or share.locked()) and self._waiting >= self._queue
        self._waiting += 1
        try:
            async with asyncio.timeout(0 if full else PATIENCE):
                await both(share, self._places)
        except TimeoutError:
            self._metrics.intake.labels("busy").inc()
            raise busy() from None
        finally:
            self._waiting -= 1

    async def clean(self, data: bytes) -> Clean:
        """Re-encode a photo; raises Problem with the reason for which it is refused."""
        answer = await self._pool.clean(data)
        if isinstance(answer, Refusal):
            self._metrics.intake.labels(answer.problem).inc()
            raise Problem(answer.problem, answer.detail)
        self._metrics.intake.labels("clean").inc()
        return answer

    async def close(self) -> None:
        """Stop the workers."""
        await self._pool.close()
        self._lock_file.close()


async def both(one: asyncio.Semaphore, other: asyncio.Semaphore) -> None:
    """Take both, or none when cancelled."""
    await one.acquire()
    try:
        await other.acquire()
    except BaseException:
        one.release()
        raise
