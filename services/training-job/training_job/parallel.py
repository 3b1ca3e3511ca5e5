"""Work on many photos with one interpreter a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Generic, TypeVar

from nevus.machine import cores
from training_job.data import Row
from training_job.progress import Step

Worker = TypeVar("Worker")
Answer = TypeVar("Answer")


class Workers(Generic[Worker]):
    """Things that one thread at a time may use."""

    def __init__(self, make: Callable[[], Worker], count: int) -> None:
        self._free: SimpleQueue[Worker] = SimpleQueue()
        for _ in range(count):
            self._free.put(make())

    @contextmanager
    def borrowed(self) -> Iterator[Worker]:
        """One of them; waits for it."""
        worker = self._free.get()
        try:
            yield worker
        finally:
            self._free.put(worker)


def on_all_cores(
    make: Callable[[], Worker], work: Callable[[Worker, Row], Answer], rows: Sequence[Row], step: Step
) -> Iterator[Answer]:
    """`work` on each row, answers in order; a worker that `make` made is used by one thread at a time."""
    workers = Workers(make, cores())

    def one(row: Row) -> Answer:
        with workers.borrowed() as worker:
            answer = work(worker, row)
        step()
        return answer

    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(one, rows)
