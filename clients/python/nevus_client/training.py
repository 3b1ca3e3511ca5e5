"""Training runs, for admins."""

from __future__ import annotations

import time
from collections.abc import Iterator

from nevus_client.answers import RunPage, RunState, TrainingRun
from nevus_client.connection import Connection, read
from nevus_client.paging import paged, part

RUNS = "/v1/training-runs"
ENDED = frozenset({RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED})


class Training:
    """`Nevus.training`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def start(self) -> TrainingRun:
        """Train on from the champion with clinicians' diagnoses.

        One at a time: raises `Refused`, of type `training-run-active`, whose `extra["training_run"]` is the other's id.
        It is not sent again when the answer is lost: look with `runs`.
        """
        return read(TrainingRun, self._connection.ask("POST", RUNS, repeatable=False))

    def runs(self, *, page_size: int = 100) -> Iterator[TrainingRun]:
        """All of them, newest first, a page at a time as they are asked for."""
        return paged(self._connection, RUNS, RunPage, {"limit": page_size})

    def run(self, run_id: str) -> TrainingRun:
        """One as it is now: stage, steps, metrics, the end of its log."""
        return read(TrainingRun, self._connection.ask("GET", f"{RUNS}/{part(run_id)}"))

    def watch(self, run_id: str, *, every: float = 2.0) -> Iterator[TrainingRun]:
        """As it is now and after every so many seconds, until it has ended."""
        run = self.run(run_id)
        yield run
        while run.state not in ENDED:
            time.sleep(every)
            run = self.run(run_id)
            yield run

    def cancel(self, run_id: str) -> TrainingRun:
        """Ask one to end; one that has ended stays as it is."""
        return read(TrainingRun, self._connection.ask("POST", f"{RUNS}/{part(run_id)}/cancel"))
