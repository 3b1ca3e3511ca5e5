"""What the figures are held against: ratios of one round, then the median of all rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.serving.results import (
    CROWD,
    MANY,
    PATIENT,
    Round,
    Run,
    Spread,
    best,
    cpu_ms,
    rate,
    ratio,
    share_of,
    spread,
)
from benchmarks.serving.stacks import INFERENCE, NEVUS, NEVUS_DECODER, ORIGINALS, SERVERS

Figure = Callable[[Round], float | None]
AtFloor = Callable[[Round, int], float | None]  # of a round on so many cores
OLD = tuple(stack.name for stack in ORIGINALS)
PLAIN = tuple(stack.name for stack in SERVERS if not stack.name.endswith(NEVUS_DECODER))
GIVEN = tuple(stack.name for stack in SERVERS if stack.name.endswith(NEVUS_DECODER))


@dataclass(frozen=True)
class Target:
    """A figure of a round, the bound that its median is to keep, and the figure if Nevus took but its floor."""

    name: str
    figure: Figure
    bound: float
    at_most: bool = False
    at_floor: AtFloor | None = None

    def met(self, found: Spread) -> bool:
        """Whether the median keeps the bound."""
        return found.median <= self.bound if self.at_most else found.median >= self.bound


@dataclass(frozen=True)
class Outcome:
    """A target, and what the rounds say; None when a stack that it needs was not run.

    `at_floor` is the best that this machine could show, where a floor bounds it.
    """

    target: Target
    found: Spread | None
    at_floor: Spread | None = None

    @property
    def verdict(self) -> str:
        """In words."""
        if self.found is None:
            return "not measured"
        return "met" if self.target.met(self.found) else "not met"


def least_cpu(stacks: Sequence[str]) -> Figure:
    """Of the best of these."""
    return lambda found: best((cpu_ms(found, stack) for stack in stacks), min)


def against(stack: str, others: Sequence[str]) -> Figure:
    """CPU time an answer as a multiple of the best of the others'."""
    return lambda found: ratio(cpu_ms(found, stack), least_cpu(others)(found))


def faster(stack: str, others: Sequence[str]) -> Figure:
    """Answers a second as a multiple of the best of the others'."""
    return lambda found: ratio(rate(found, stack), best((rate(found, other) for other in others), max))


def floor_against(floor: str, others: Sequence[str]) -> AtFloor:
    """A floor's CPU time as a multiple of the best of the others'."""
    return lambda found, _: ratio(getattr(found.floor, floor), least_cpu(others)(found))


def floor_faster(floor: str, others: Sequence[str]) -> AtFloor:
    """The most answers a second that there can be, as a multiple of the best of the others'."""
    return lambda found, cores: ratio(
        1000 * cores / getattr(found.floor, floor), best((rate(found, other) for other in others), max)
    )


def crowd(found: Round) -> float | None:
    """First answers in time, of 500 photos at once."""
    visit = found.visits.get(NEVUS)
    return float(visit.cases[CROWD].in_time()) if visit and CROWD in visit.cases else None


def patient(found: Round) -> float | None:
    """Clients who got an answer in the end, of 500."""
    visit = found.visits.get(NEVUS)
    return float(visit.cases[PATIENT].in_the_end()) if visit and PATIENT in visit.cases else None


def lost(found: Round) -> float | None:
    """Photos without any answer, and those that were acknowledged and are not on record, in all loads."""
    visit = found.visits.get(NEVUS)
    return float(sum(case.load.lost + case.missing for case in visit.cases.values())) if visit else None


TARGETS = (
    Target(
        "Nevus inference: CPU an answer, multiple of the best server's",
        against(INFERENCE, PLAIN),
        0.75,
        at_most=True,
        at_floor=floor_against("inference", PLAIN),
    ),
    Target(
        "the same, servers given Nevus' decoder",
        against(INFERENCE, GIVEN),
        0.75,
        at_most=True,
        at_floor=floor_against("inference", GIVEN),
    ),
    Target(
        "Nevus inference: floor's share of its CPU time", lambda found: share_of(found, INFERENCE, "inference"), 0.8
    ),
    Target(
        "Nevus whole: CPU an answer, multiple of the original's best",
        against(NEVUS, OLD),
        1 / 7,
        at_most=True,
        at_floor=floor_against("whole", OLD),
    ),
    Target("Nevus whole: floor's share of its CPU time", lambda found: share_of(found, NEVUS, "whole"), 0.7),
    Target(
        f"Nevus whole: answers a second at {MANY}, multiple of the original's best",
        faster(NEVUS, OLD),
        8,
        at_floor=floor_faster("whole", OLD),
    ),
    Target("Nevus whole: of 500 at once, answered at the first try within 10 s", crowd, 450),
    Target("Nevus whole: of 500 who come again as told, done within 20 s", patient, 500),
    Target("Nevus whole: photos without an answer or, acknowledged, not on record", lost, 0, at_most=True),
)


def outcomes(run: Run) -> list[Outcome]:
    """Of every target."""
    return [outcome(run, target) for target in TARGETS]


def outcome(run: Run, target: Target) -> Outcome:
    """Of one."""
    found, possible = spread(target.figure(each) for each in run.rounds), target.at_floor
    if possible is None:
        return Outcome(target, found)
    return Outcome(target, found, spread(possible(each, run.machine["cores"]) for each in run.rounds))
