"""A training run's record as its job keeps it: gathered here, written at most every other second by another thread."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from typing import Any

from nevus.curves import Curve, until
from nevus.domain import RunState, TrainingRun
from nevus.ports import PortError, RunStore
from nevus.training_runs import change
from training_job.background import Background

PAUSE = 2.0  # seconds between two writes
BEAT = 10.0  # seconds until a write that has nothing new: it shows that the job lives, and sees a cancel
TAIL = 20  # lines

logger = logging.getLogger("training_job.retrain")


class RunRecord:
    """What is known of a run. A write that fails is tried again with the next one and never stops the training.

    `on_end` is called once, on the loop's thread, when this attempt is to end: the run is to be cancelled, was ended by
    another, or a later attempt has begun. Then nothing of this one is written any more.
    """

    def __init__(self, runs: RunStore, run_id: str, loop: Background, on_end: Callable[[], None]) -> None:
        self._runs, self._id, self._loop, self._on_end = runs, run_id, loop, on_end
        self._lock, self._writing = Lock(), asyncio.Lock()
        self._news: dict[str, Any] = {}
        self._lines: deque[str] = deque(maxlen=TAIL)
        self._metrics: dict[str, float] = {}
        self._curves: dict[str, Curve] = {}

    def begin(self) -> TrainingRun:
        """The run, now running, with one attempt more; one that has ended is returned as it is. NotFound, Unavailable.

        From here on what is told is written.
        """

        def begun(run: TrainingRun) -> TrainingRun:
            return run.model_copy(update={"state": RunState.RUNNING, "attempts": run.attempts + 1})

        run = self._loop.persist(lambda: change(self._runs, self._id, begun))
        self._attempt = run.attempts
        self._lines.extend(run.log_tail)
        self._metrics.update(run.metrics)
        self._curves = {name: Curve(points) for name, points in run.curves.items()}
        if run.state.active:
            self._writer = self._loop.start(self._write_on())
        return run

    def tell(self, **news: Any) -> None:
        """Fields of the run that are written next."""
        with self._lock:
            self._news.update(news)

    def measure(self, **metrics: float) -> None:
        """Figures that are written next, beside those told before; one that is no number has nothing to tell."""
        with self._lock:
            self._metrics.update({name: value for name, value in metrics.items() if math.isfinite(value)})
            self._news["metrics"] = dict(self._metrics)

    def plot(self, step: int, **figures: float) -> None:
        """Figures of a step, as `measure`, that are also kept as curves."""
        self.measure(**figures)
        with self._lock:
            for name, value in figures.items():
                if math.isfinite(value):
                    self._curves.setdefault(name, Curve()).add(step, value)
            self._news["curves"] = {name: curve.points for name, curve in self._curves.items()}

    def rewind(self, step: int) -> None:
        """Go on from an earlier step: what the curves tell of later ones is forgotten."""
        with self._lock:
            self._curves = {name: Curve(until(curve.points, step)) for name, curve in self._curves.items()}
            self._news |= {"step": step, "curves": {name: curve.points for name, curve in self._curves.items()}}

    def say(self, line: str) -> None:
        """A line for the log and for the end of it that the record shows: no file names, nothing personal."""
        logger.info(line, extra={"run": self._id})
        with self._lock:
            self._lines.append(f"{datetime.now(UTC):%H:%M:%S} {line}")
            self._news["log_tail"] = tuple(self._lines)

    def cancelled(self) -> bool:
        """Whether someone asked for the end, or another has ended it; raises NotFound, Unavailable."""
        run = self._loop.run(self._runs.get(self._id))
        return run.cancel_requested or not run.state.active

    def over(self) -> bool:
        """Whether this attempt is to end; raises NotFound, Unavailable."""
        return self._is_over(self._loop.persist(lambda: self._runs.get(self._id)))

    def end(self, **news: Any) -> TrainingRun:
        """Write the last of it, at once; raises NotFound, Unavailable."""
        self._writer.cancel()
        self.tell(**news)
        return self._loop.persist(self._write)

    def _is_over(self, run: TrainingRun) -> bool:
        return run.cancel_requested or not run.state.active or run.attempts != self._attempt

    async def _write_on(self) -> None:
        last, told = time.monotonic(), False
        while True:
            await asyncio.sleep(PAUSE)
            if not self._news and time.monotonic() - last < BEAT:
                continue
            try:
                run = await self._write()
            except PortError as error:
                logger.warning("the run's record was not written: %s", type(error).__name__)
                continue
            except Exception:
                logger.exception("the run's record was not written")
                continue
            last = time.monotonic()
            if not told and self._is_over(run):
                told = True
                self._on_end()

    async def _write(self) -> TrainingRun:
        """One at a time, so that the last one has all that an earlier one failed to write."""
        async with self._writing:
            with self._lock:
                news, self._news = self._news, {}
            try:
                return await change(self._runs, self._id, lambda run: self._edited(run, news))
            except BaseException:
                with self._lock:
                    self._news = {**news, **self._news}
                raise

    def _edited(self, run: TrainingRun, news: dict[str, Any]) -> TrainingRun:
        return run.model_copy(update=news) if run.attempts == self._attempt else run
