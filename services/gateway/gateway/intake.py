"""The door: how many uploads may be inside at once, and the worker processes that turn them into clean photos."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import tempfile
from collections.abc import Iterator
from concurrent.futures import TimeoutError as WorkerTimeout
from contextlib import contextmanager

from pebble import ProcessExpired, ProcessPool

from gateway import intake_worker
from gateway.intake_worker import Clean, Refusal
from gateway.metrics import Metrics
from gateway.problems import Problem, busy

MEMORY = 512 * 1024 * 1024
TASKS_A_WORKER = 500
log = logging.getLogger("gateway.intake")


class Intake:
    """`workers` processes and `places` uploads; a photo that takes over `timeout` seconds is refused."""

    def __init__(self, metrics: Metrics, *, workers: int = 2, places: int = 16, timeout: float = 5.0) -> None:
        self._metrics, self._timeout, self._free = metrics, timeout, places
        self._workers = workers
        self._lock_file = tempfile.NamedTemporaryFile(prefix="nevus-intake-")  # noqa: SIM115  # lives as long as we do
        self._pool = ProcessPool(
            max_workers=workers,
            max_tasks=TASKS_A_WORKER,
            initializer=intake_worker.start,
            initargs=(MEMORY, self._lock_file.name),
            context=multiprocessing.get_context("spawn"),
        )

    async def start(self) -> None:
        """Start the workers, so that the first photo need not wait for them."""
        tasks = [self._pool.schedule(intake_worker.warm) for _ in range(self._workers)]
        await asyncio.gather(*map(asyncio.wrap_future, tasks))

    @contextmanager
    def place(self) -> Iterator[None]:
        """One upload's place, taken before its body is read; raises the `busy` problem when all are taken."""
        if self._free == 0:
            self._metrics.intake.labels("busy").inc()
            raise busy()
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def clean(self, data: bytes) -> Clean:
        """Re-encode a photo; raises Problem with the reason for which it is refused."""
        answer = await self._in_worker(data)
        if isinstance(answer, Refusal):
            self._metrics.intake.labels(answer.problem).inc()
            raise Problem(answer.problem, answer.detail)
        self._metrics.intake.labels("clean").inc()
        return answer

    async def _in_worker(self, data: bytes) -> Clean | Refusal:
        task = self._pool.schedule(intake_worker.clean, args=(data,), timeout=self._timeout)
        try:
            return await asyncio.wrap_future(task)
        except WorkerTimeout:
            return Refusal("photo-unreadable", "Decoding it takes too long.")
        except ProcessExpired as error:
            log.warning("an intake worker died", extra={"exit_code": error.exitcode})
            return Refusal("photo-unreadable", "Decoding it failed.")

    async def close(self) -> None:
        """Stop the workers."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(self._pool.join)
        self._lock_file.close()
