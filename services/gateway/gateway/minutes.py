"""What this process has answered in each of the last sixty minutes: enough to see how it does now. Counts alone."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

KEPT = 60
SECONDS = (0.005, 0.01, 0.02, 0.04, 0.08, 0.12, 0.25, 0.5, 1, 2.5, 5, 10)  # upper bounds of times
MEASURED = len(SECONDS) + 1


@dataclass
class Minute:
    """One minute since the epoch; `times` counts the photos that were assessed in it, by SECONDS and longer."""

    at: int
    answers: int
    errors: int
    times: list[int]


class Minutes:
    """The last KEPT of them. Called for every request, so it does little."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._kept: deque[Minute] = deque(maxlen=KEPT)

    def count(self, status: int, seconds: float, *, assessed: bool) -> None:
        """An answer; `assessed` is whether it was about a photo, whose time is measured."""
        at = int(self._clock() // 60)
        if not self._kept or self._kept[-1].at < at:
            self._kept.append(new(at))
        minute = self._kept[-1]
        minute.answers += 1
        minute.errors += status >= 500 or status == 0
        if assessed and status < 400:
            minute.times[bisect_left(SECONDS, seconds)] += 1

    def shown(self) -> tuple[Minute, ...]:
        """All KEPT up to now, oldest first, also those in which nothing was answered."""
        now, known = int(self._clock() // 60), {minute.at: minute for minute in self._kept}
        return tuple(known.get(at) or new(at) for at in range(now - KEPT + 1, now + 1))


def new(at: int) -> Minute:
    """Nothing yet."""
    return Minute(at, 0, 0, [0] * MEASURED)


def together(minutes: Iterable[Minute]) -> list[int]:
    """The times of several."""
    return [sum(counts) for counts in zip(*(minute.times for minute in minutes), strict=True)] or [0] * MEASURED


def quantile(counts: Sequence[int], share: float) -> float | None:
    """Seconds that so many took at most, interpolated between the bounds; the last bound for what took longer."""
    wanted, below = share * sum(counts), 0
    if not wanted:
        return None
    for number, count in enumerate(counts):
        if below + count >= wanted and number < len(SECONDS):
            low = SECONDS[number - 1] if number else 0.0
            return low + (SECONDS[number] - low) * (wanted - below) / count
        below += count
    return float(SECONDS[-1])
