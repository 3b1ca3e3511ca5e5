"""The bounded queue before the interpreters: full means no at once, and nobody waits for a caller who is gone.

Work that would not begin before its deadline is refused at once, as far as the time that others took lately tells.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
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

SMOOTHING = 0.1  # share of the newest measurement in what is known of their time


class Desk:
    """`workers` threads and at most `queue` requests that wait for one of them."""

    def __init__(self, workers: int, queue: int) -> None:
        self._workers = workers
        self._places = workers + queue
        self._taken = 0
        self._seconds = 0.0  # of a measurement, lately
        self._lock = Lock()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="interpreter")

    @property
    def waiting(self) -> int:
        """Requests that wait for a thread."""
        return max(0, self._taken - self._workers)

    @property
    def wait(self) -> float:
        """Seconds until another one would begin, by what measurements have taken lately."""
        return max(0, self._taken - self._workers + 1) * self._seconds / self._workers

    def check(self, timeout: float | None = None) -> None:
        """Raises Full when there is no place now, Late when there will be none within `timeout` seconds."""
        if self._taken >= self._places:
            raise Full("the queue is full", retry_after=math.ceil(self.wait))
        if timeout is not None and self.wait > timeout:
            raise Late("the deadline will have passed", retry_after=math.ceil(self.wait))

    async def measure(
        self, loaded: LoadedVersion, work: Work, *, gone: Awaitable[None], timeout: float | None = None
    ) -> Measurement:
        """Wait for a place, then for the answer.

        Work that nobody waits for any more (`gone` is done, or `timeout` seconds are over) is dropped, at no cost
        if it has not begun. Raises Full, Late, CallerGone, Unreadable.
        """
        begun = time.perf_counter()
        job = self._submit(partial(self._timed, loaded, work, math.inf if timeout is None else begun + timeout))
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

    def _timed(self, loaded: LoadedVersion, work: Work, deadline: float) -> Measurement:
        """Run the work and keep its time; raises Late where its turn comes too late."""
        begun = time.perf_counter()
        if begun > deadline:
            raise Late("the deadline has passed")
        try:
            return loaded.run(work)
        finally:
            seconds = time.perf_counter() - begun
            SECONDS.observe(seconds)
            self._seconds += (seconds - self._seconds) * (SMOOTHING if self._seconds else 1)

    def close(self) -> None:
        """Drop what waits; the threads end after what they have in hand."""
        self._threads.shutdown(wait=False, cancel_futures=True)
