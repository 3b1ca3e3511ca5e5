"""A circuit breaker before inference: while it does not answer, photos are pending at once and nobody waits for it.

Nygard, Release It!, 2007. It opens when half of the last calls have failed; after a pause one photo tries again, and
what comes of it closes the circuit or doubles the pause.
"""

from __future__ import annotations

import logging
import random
import time
from collections import deque
from collections.abc import Callable

from gateway.metrics import Metrics
from nevus.domain import Measurement, ModelRef
from nevus.ports import Absent, Busy, Classifier, Late, PortError, Unavailable, Unprocessable

LONGEST = 30.0  # seconds of a pause
log = logging.getLogger("gateway.breaker")


class Breaker:
    """Opens at `failures` among twice as many calls, for `pause` seconds at first. Pure, but for its dice."""

    def __init__(self, failures: int, pause: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures, self._pause, self._clock = failures, pause, clock
        self._recent: deque[bool] = deque(maxlen=2 * failures)  # whether a call has failed
        self._opened = 0  # times in a row
        self._until = 0.0
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether it has opened, and nothing has been answered since."""
        return self._opened > 0

    @property
    def left(self) -> float:
        """Seconds until the next call may try; 0 where it may now."""
        return max(0.0, self._until - self._clock()) if self._opened else 0.0

    def allows(self) -> bool:
        """Whether a call may be made now; of an open circuit, one at a time when its pause is over."""
        if not self._opened:
            return True
        if self._probing or self.left:
            return False
        self._probing = True
        return True

    def told_nothing(self) -> None:
        """A call ended in a way that says nothing of inference."""
        self._probing = False

    def answered(self) -> None:
        """A call was answered, whatever the answer was."""
        self._probing = False
        if self._opened:
            self._recent.clear()
        self._opened = 0
        self._recent.append(False)

    def failed(self) -> bool:
        """A call was not; whether that has opened the circuit, or opened it again."""
        if self._opened and not self._probing:
            return False  # one that was under way when it opened
        self._recent.append(True)
        if not self._probing and sum(self._recent) < self._failures:
            return False
        self._probing = False
        pause = min(LONGEST, self._pause * 2**self._opened) * random.uniform(0.75, 1.25)  # noqa: S311
        self._opened, self._until = self._opened + 1, self._clock() + pause
        return True


class GuardedClassifier:
    """A `Classifier` behind a breaker; a version that is asked for by name is the canary's, which has its own judge.

    A call that had less than `enough` seconds and was late says nothing: else one caller's short deadlines would
    open the circuit for all.
    """

    def __init__(self, inner: Classifier, breaker: Breaker, metrics: Metrics, *, enough: float) -> None:
        self._inner, self._breaker, self._metrics, self._enough = inner, breaker, metrics, enough
        metrics.breaker_open.set_function(lambda: breaker.is_open)

    @property
    def left(self) -> float:
        """Seconds until inference is asked again."""
        return self._breaker.left

    async def measure(self, photo: bytes, *, timeout: float, by: ModelRef | None = None) -> Measurement:
        """As the inner one; Unavailable at once while the circuit is open."""
        if by is not None:
            return await self._inner.measure(photo, timeout=timeout, by=by)
        if not self._breaker.allows():
            self._metrics.breaker_calls.labels("spared").inc()
            raise Unavailable("inference is given a rest")
        return await self._told(photo, timeout)

    async def _told(self, photo: bytes, timeout: float) -> Measurement:
        try:
            found = await self._inner.measure(photo, timeout=timeout)
        except (Busy, Absent):
            self._breaker.told_nothing()
            raise
        except Unavailable as error:
            self._count(error, telling=timeout >= self._enough or not isinstance(error, Late))
            raise
        except Unprocessable:
            self._answered()
            raise
        except BaseException:
            self._breaker.told_nothing()
            raise
        self._answered()
        return found

    def _answered(self) -> None:
        if self._breaker.is_open:
            log.info("inference answers again")
        self._breaker.answered()
        self._metrics.breaker_calls.labels("answered").inc()

    def _count(self, error: PortError, *, telling: bool) -> None:
        if not telling:
            self._breaker.told_nothing()
            return
        self._metrics.breaker_calls.labels("failed").inc()
        if self._breaker.failed():
            fields = {"cause": type(error).__name__, "seconds": round(self._breaker.left, 1)}
            log.warning("inference does not answer and is given a rest", extra=fields)

    async def ready(self) -> bool:
        """Whether a photo would be measured; never raises."""
        return not self._breaker.left and await self._inner.ready()
