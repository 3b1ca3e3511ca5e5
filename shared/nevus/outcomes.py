"""What confirmed diagnoses say of the decisions: sensitivity, specificity and predictive values, with intervals.

Intervals are Wilson's (Journal of the American Statistical Association 22:209, 1927). Only confirmed cases count, and
those are a selected sample: `WARNING` says what that does (Begg and Greenes, Biometrics 39:207, 1983).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from pydantic import Field

from nevus.domain import Decision, Frozen, Prediction
from nevus.weeks import week_of

Z_95 = 1.959963984540054
FEWEST = 20  # cases under which no figure is told
WARNING = (
    "Only records with a confirmed diagnosis are counted, a selected sample: who is referred is confirmed more often "
    "than who is not, so that sensitivity looks higher and specificity lower than it is (verification bias)."
)


def few(figures: Mapping[str, Any], measure: str) -> bool:
    """Whether a group is too small: sensitivity needs malignant photos, specificity benign ones, the rest both."""
    malignant: int = figures.get("malignant", 0)
    benign: int = figures.get("n", 0) - malignant
    return {"sensitivity": malignant, "specificity": benign}.get(measure, min(malignant, benign)) < FEWEST


class Share(Frozen):
    """A proportion of `n` cases; `value` is null where they are too few to say."""

    n: int
    value: float | None = None
    interval: tuple[float, float] | None = Field(default=None, description="95 %, by Wilson; null without any case")


class Outcome(Frozen):
    """Decisions against confirmed diagnoses; `refer` and `indeterminate` count as positive, `rejected` as no answer."""

    version: str
    week: str | None = Field(default=None, description="ISO week of the photo; null for all")
    confirmed: int
    malignant: int
    unanswered: int = Field(description="confirmed, but rejected or not assessed: in none of the shares")
    sensitivity: Share
    specificity: Share
    ppv: Share
    npv: Share


def wilson(hits: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion; raises ZeroDivisionError without any case."""
    share, square = hits / n, Z_95**2 / n
    middle, half = share + square / 2, Z_95 * math.sqrt(share * (1 - share) / n + square / (4 * n))
    low, high = (middle - half) / (1 + square), (middle + half) / (1 + square)
    return (0.0 if hits == 0 else low), (1.0 if hits == n else high)


def share(hits: int, n: int) -> Share:
    """Rounded, and without a value where there are too few."""
    if not n:
        return Share(n=0)
    low, high = wilson(hits, n)
    value = round(hits / n, 4) if n >= FEWEST else None
    return Share(n=n, value=value, interval=(round(low, 4), round(high, 4)))


class Case(NamedTuple):
    """What is asked of a diagnosed record; `called` is whether it was to be seen, None without an answer."""

    version: str
    week: str
    malignant: bool
    called: bool | None


def case_of(record: Prediction) -> Case | None:
    """None without a diagnosis, or without a version that has answered."""
    if record.diagnosis is None or record.model is None:
        return None
    called = None
    if record.result and record.result.decision is not Decision.REJECTED:
        called = record.result.decision is not Decision.ROUTINE
    return Case(record.model.version, week_of(record.created_at), record.diagnosis.malignant, called)


def table(cases: Iterable[Case]) -> tuple[Outcome, ...]:
    """Each version's row over all weeks, then its weeks, newest first."""
    by_version: dict[str, dict[str, list[Case]]] = {}
    for case in cases:
        by_version.setdefault(case.version, {}).setdefault(case.week, []).append(case)
    rows = []
    for version, by_week in sorted(by_version.items(), reverse=True):
        rows.append(outcome(version, None, [case for theirs in by_week.values() for case in theirs]))
        rows += [outcome(version, week, by_week[week]) for week in sorted(by_week, reverse=True)]
    return tuple(rows)


def outcome(version: str, week: str | None, cases: Iterable[Case]) -> Outcome:
    """One row."""
    cells = Counter((case.malignant, case.called) for case in cases)
    tp, fn, fp, tn = cells[True, True], cells[True, False], cells[False, True], cells[False, False]
    return Outcome(
        version=version,
        week=week,
        confirmed=cells.total(),
        malignant=sum(n for (malignant, _), n in cells.items() if malignant),
        unanswered=cells[True, None] + cells[False, None],
        sensitivity=share(tp, tp + fn),
        specificity=share(tn, tn + fp),
        ppv=share(tp, tp + fp),
        npv=share(tn, tn + fn),
    )
