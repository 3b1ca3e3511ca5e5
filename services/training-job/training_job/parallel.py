"""Work on many photos with one interpreter a core."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TypeVar

from nevus.machine import cores
from training_job.data import Row
from training_job.progress import Step

Worker = TypeVar("Worker")
Answer = TypeVar("Answer")


def on_all_cores(
    make: Callable[[], Worker], work: Callable[[Worker, Row], Answer], rows: Sequence[Row], step: Step
) -> Iterator[Answer]:
    """`work` on each row, answers in order; a worker that `make` made is used by one thread at a time."""
    free: SimpleQueue[Worker] = SimpleQueue()
    for _ in range(cores()):
        free.put(make())

    def one(row: Row) -> Answer:
        worker = free.get()
        try:
            return work(worker, row)
        finally:
            free.put(worker)
            step()

    with ThreadPoolExecutor(cores()) as pool:
        yield from pool.map(one, rows)
