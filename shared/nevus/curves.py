"""A figure of a training run over its steps, kept short: neighbours are averaged where there would be too many."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import fmean

from nevus.domain import CurvePoint

MOST = 100  # points of one curve


class Curve:
    """Takes a value a step, in order; `points` are at most MOST, each the mean of the steps since the one before."""

    def __init__(self, points: Iterable[CurvePoint] = ()) -> None:
        self.points = tuple(points)
        self._each = 1  # values to a point
        self._waiting: list[float] = []

    def add(self, step: int, value: float) -> None:
        """The value at a step."""
        self._waiting.append(value)
        if len(self._waiting) < self._each:
            return
        self.points += (CurvePoint(step=step, value=round(fmean(self._waiting), 4)),)
        self._waiting.clear()
        if len(self.points) > MOST:
            self._halve()

    def _halve(self) -> None:
        """One point for two neighbours; the last stays alone where their number is odd."""
        pairs = [self.points[i : i + 2] for i in range(0, len(self.points), 2)]
        means = [(pair[-1].step, fmean(each.value for each in pair)) for pair in pairs]
        self.points = tuple(CurvePoint(step=step, value=round(value, 4)) for step, value in means)
        self._each *= 2


def until(points: Iterable[CurvePoint], step: int) -> tuple[CurvePoint, ...]:
    """Those that still hold when a training goes on from that step."""
    return tuple(point for point in points if point.step <= step)
