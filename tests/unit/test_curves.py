"""Curves of a training: short however long it is, and true where it goes on from an earlier step."""

from __future__ import annotations

from nevus.curves import MOST, Curve, until
from nevus.domain import CurvePoint


def test_a_short_curve_is_kept_as_it_is() -> None:
    curve = Curve()
    for step in range(1, MOST + 1):
        curve.add(step, step / 10)
    assert [point.step for point in curve.points] == list(range(1, MOST + 1))
    assert curve.points[41].value == 4.2


def test_a_long_one_has_means_of_neighbours_and_stays_short() -> None:
    curve = Curve()
    for step in range(1, 5001):
        curve.add(step, float(step % 2))
        assert len(curve.points) <= MOST
    steps = [point.step for point in curve.points]
    assert steps == sorted(set(steps))
    assert len(steps) > MOST / 3
    assert all(0.4 <= point.value <= 0.6 for point in curve.points)


def test_what_came_after_a_checkpoint_is_forgotten() -> None:
    points = [CurvePoint(step=step, value=0.5) for step in (10, 20, 30)]
    again = Curve(until(points, 20))
    again.add(21, 0.25)
    assert [point.step for point in again.points] == [10, 20, 21]
