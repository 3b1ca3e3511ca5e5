"""The bounded queue before the interpreters: full means no at once, and nobody waits for a caller who is gone."""

from __future__ import annotations

import asyncio
import contextvars
import time
from collections.abc import Awaitable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from threading import Lock
from typing import Any

from inference.metrics import SECONDS
from inference.model import LoadedVersion, Work
from inference.refusals import CallerGone, Full, Late, Unreadable
from nevus.domain import Measurement
from nevus.ports import Unprocessable


class Desk:
    """`workers` threads and at most `queue` requests that wait for one of them."""

    def __init__(self, workers: int, queue: int) -> None:
        self._workers = workers
        self._places = workers + queue
        self._taken = 0
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="interpreter")

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return max(0, self._taken - self._workers)

    def check(self) -> None:
        """Raises Full when there is no place now."""
        if self._taken >= self._places:
            raise Full("the queue is full")

    async def measure(
        self, loaded: LoadedVersion, work: Work, *, gone: Awaitable[None], timeout: float | None = None
    ) -> Measurement:
        """Wait for a place, then for the answer.

        Work that nobody waits for any more (`gone` is done, or `timeout` seconds are over) is dropped, at no cost
        if it has not begun. Raises Full, Late, CallerGone, Unreadable.
        """
        job = self._submit(partial(timed, loaded, work))
        future = asyncio.wrap_future(job)
        departure = asyncio.ensure_future(gone)
        try:
            both: set[asyncio.Future[Any]] = {future, departure}
            await asyncio.wait(both, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if future.done():
                return future.result()
            raise CallerGone("the caller is gone") if departure.done() else Late("the deadline has passed")
        except Unprocessable as error:
            raise Unreadable(str(error)) from error
        finally:
            job.cancel()
            future.cancel()
            departure.cancel()

    def _submit(self, work: partial[Measurement]) -> Future[Measurement]:
        with self._lock:
            self.check()
            self._taken += 1
        future = self._threads.submit(contextvars.copy_context().run, work)
        future.add_done_callback(self._leave)
        return future

    def _leave(self, _: Future[Measurement]) -> None:
        with self._lock:
            self._taken -= 1

    def close(self) -> None:
        """Drop what waits; the threads end after what they have in hand."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def timed(loaded: LoadedVersion, work: Work) -> Measurement:
    """Run the work and keep its time."""
    begun = time.perf_counter()
    try:
        return loaded.run(work)
    finally:
        SECONDS.observe(time.perf_counter() - begun)
