"""What was measured, and the arithmetic on it: medians over rounds, shares of the floor, ratios."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from benchmarks.serving.floor import Floor
from benchmarks.serving.load import Load
from benchmarks.serving.seen import People

from nevus.domain import Frozen

FEW, MANY, CROWD, PATIENT = "1", "32", "500", "500, told to come again"
IN_TIME = 10.0  # seconds for a first answer in a crowd
IN_THE_END = 20.0  # seconds for everyone's


class Case(Frozen):
    """A stack under one load: what came back, the stack's CPU seconds until it was at rest again, lost records."""

    load: Load
    cpu: float
    missing: int = 0  # acknowledged photos that are not on record as complete or failed afterwards

    @property
    def cpu_ms(self) -> float | None:
        """CPU milliseconds an answer; None without any."""
        return 1000 * self.cpu / self.load.answered if self.load.answered else None

    @property
    def rate(self) -> float:
        """Answers a second."""
        return self.load.answered / self.load.seconds if self.load.seconds else 0.0

    def percentile(self, share: float) -> float | None:
        """Milliseconds until the answer; None without any."""
        return float(np.percentile(self.load.answered_ms, share)) if self.load.answered else None

    def in_time(self) -> int:
        """Results at the first try within IN_TIME."""
        return sum(each <= 1000 * IN_TIME for each in self.load.answered_ms)

    def in_the_end(self) -> int:
        """Patient clients who were done within IN_THE_END."""
        return sum(each <= 1000 * IN_THE_END for each in self.load.ended_ms)


class Visit(Frozen):
    """A stack in one round: from its start to its end."""

    stack: str
    first_answer: float  # seconds from start
    logit: float | None  # of the first photo, where it is told
    difference: float | None = None  # of logits from those of a plain loop, the largest
    memory_at_start: float  # MiB, after the first answer
    memory: float  # MiB, after the load of MANY
    cases: dict[str, Case]


class Round(Frozen):
    """Every stack once, and the floor: one loop alone, and one a core at the same time."""

    visits: dict[str, Visit]
    floor: Floor
    floor_at_once: Floor
    failed: dict[str, str] = {}  # stacks that did not start or answer, and why


class Run(Frozen):
    """All of a `make bench`."""

    format: int = 1
    at: str
    machine: dict[str, Any]
    git_commit: str | None
    model: str
    titles: dict[str, str]
    floors: dict[str, str]  # which floor is a stack's
    seconds: dict[str, float]
    rounds: tuple[Round, ...] = ()
    people: dict[str, People] = {}


class Spread(Frozen):
    """Median over rounds, and the least and the most."""

    median: float
    low: float
    high: float


def spread(values: Iterable[float | None]) -> Spread | None:
    """Of the rounds that have a value."""
    known = [value for value in values if value is not None]
    return Spread(median=statistics.median(known), low=min(known), high=max(known)) if known else None


def mean_floor(floors: Sequence[Floor]) -> Floor:
    """Of loops at the same time."""
    names = Floor.model_fields
    return Floor(**{name: statistics.mean(getattr(each, name) for each in floors) for name in names})


def of_case(run: Run, stack: str, case: str, what: Callable[[Case], float | None]) -> Spread | None:
    """A figure of one load over the rounds."""
    visits = (each.visits.get(stack) for each in run.rounds)
    return spread(what(visit.cases[case]) for visit in visits if visit and case in visit.cases)


def of_visit(run: Run, stack: str, what: Callable[[Visit], float | None]) -> Spread | None:
    """A figure of the stack over the rounds."""
    return spread(what(each.visits[stack]) for each in run.rounds if stack in each.visits)


def share(run: Run, stack: str, case: str = MANY, *, at_once: bool = False) -> Spread | None:
    """The floor's CPU time as a share of the stack's, 0..1: how much of an answer is work that none can do without."""
    return spread(share_of(each, stack, run.floors[stack], case, at_once=at_once) for each in run.rounds)


def share_of(found: Round, stack: str, floor: str, case: str = MANY, *, at_once: bool = False) -> float | None:
    """In one round."""
    spent = cpu_ms(found, stack, case)
    least: float = getattr(found.floor_at_once if at_once else found.floor, floor)
    return least / spent if spent else None


def beyond(run: Run, stack: str) -> Spread | None:
    """CPU milliseconds an answer at MANY that are not decode and forward pass: what a server itself takes."""
    spent = ((each, cpu_ms(each, stack)) for each in run.rounds)
    return spread(None if total is None else total - each.floor_at_once.model for each, total in spent)


def cpu_ms(found: Round, stack: str, case: str = MANY) -> float | None:
    """CPU milliseconds an answer in one round."""
    visit = found.visits.get(stack)
    return visit.cases[case].cpu_ms if visit and case in visit.cases else None


def rate(found: Round, stack: str, case: str = MANY) -> float | None:
    """Answers a second in one round."""
    visit = found.visits.get(stack)
    return visit.cases[case].rate if visit and case in visit.cases else None


def best(values: Iterable[float | None], choose: Callable[[list[float]], float]) -> float | None:
    """The best of what is known."""
    known = [value for value in values if value]
    return choose(known) if known else None


def ratio(one: float | None, other: float | None) -> float | None:
    """None where either is not known."""
    return one / other if one is not None and other else None
