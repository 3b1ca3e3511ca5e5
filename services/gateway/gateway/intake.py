"""The intake: the door that uploads come through, and the workers that turn them into clean photos."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import AbstractAsyncContextManager

from gateway.deadline import NEVER, Deadline
from gateway.door import Door, Place
from gateway.intake_pool import Limits, Pool
from gateway.intake_worker import Clean, Refusal
from gateway.metrics import Metrics
from gateway.photo_size import MAX_BODY
from gateway.problems import Problem, busy

MEMORY = 512 * 1024 * 1024


class Intake:
    """`workers` processes, and a door before them.

    Decoding one photo may take `timeout` seconds, and `cpu` of a processor's.
    """

    def __init__(
        self,
        metrics: Metrics,
        *,
        workers: int = 2,
        places: int = 64,
        queue: int = 512,
        room: int = 128 * 1024 * 1024,
        patience: float = 10.0,
        timeout: float = 5.0,
        cpu: float = 1.7,
    ) -> None:
        self._metrics = metrics
        self._door = Door(metrics, workers=workers, places=places, queue=queue, room=room, patience=patience)
        self._lock_file = tempfile.NamedTemporaryFile(prefix="nevus-intake-")  # noqa: SIM115  # lives as long as we do
        self._pool = Pool(workers, Limits(MEMORY, cpu, timeout, self._lock_file.name))

    async def start(self) -> None:
        """Start the workers, so that the first photo need not wait for them."""
        await self._pool.start()

    @property
    def waiting(self) -> int:
        """How many uploads wait for a place."""
        return self._door.waiting

    def dismiss(self) -> None:
        """Tell everybody who waits to come again: this process ends."""
        self._door.dismiss()

    def place(
        self, caller: str, size: int = MAX_BODY, deadline: Deadline = NEVER
    ) -> AbstractAsyncContextManager[Place]:
        """A place for one upload of `caller`, as the door gives it; raises its problems."""
        return self._door.place(caller, size, deadline)

    async def clean(self, data: bytes, deadline: Deadline = NEVER) -> Clean:
        """Re-encode a photo; raises Problem: the reason for which it is refused, or `busy` where it is late."""
        deadline.check()
        try:
            async with asyncio.timeout(None if deadline is NEVER else deadline.left()):
                answer = await self._pool.clean(data)
        except TimeoutError:
            raise busy() from None
        if isinstance(answer, Refusal):
            self._metrics.intake.labels(answer.problem).inc()
            raise Problem(answer.problem, answer.detail)
        self._metrics.intake.labels("clean").inc()
        return answer

    async def close(self) -> None:
        """Stop the workers."""
        await self._pool.close()
        self._lock_file.close()
