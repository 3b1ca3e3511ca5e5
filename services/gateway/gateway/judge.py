"""Whether a canary has left its band against the champion over the same time. Pure: no clock, no store.

Every `every` answers of the canary both streams are compared. The i-th look has a level of `alpha`/(i(i+1)), shared by
its tests, so that all looks there will ever be add up to `alpha`: it bounds the probability that a canary within its
band is ever rolled back here. After `window` answers both streams begin anew, so that a long good time does not hide a
bad one. docs/canary.md has the formulas.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from gateway.bounds import distance, lower_quantile, lower_share, margin, quantile, upper_quantile, upper_share
from nevus.domain import Decision

TESTS = 1 + 2 + 1 + 2 * len(Decision)  # errors, median and p95, probabilities, each decision in both directions
QUANTILES = {"median": 0.5, "p95": 0.95}
LONGEST = 50  # windows of the champion's answers that one of the canary's may take
SCALE = 1000  # steps of a probability
REJECTED = -1  # in their place
FASTEST, STEP = 0.0005, math.log(1.05)  # seconds; steps of a time are 5 %


@dataclass(frozen=True)
class Bands:
    """How far a canary may be from the champion: `error` and `score` in shares, `latency` as a ratio."""

    error: float = 0.01
    latency: float = 2.0
    score: float = 0.15
    alpha: float = 0.001
    every: int = 20
    window: int = 1000


@dataclass(frozen=True)
class Answer:
    """What came of one photo; `probability` is None when it was rejected."""

    seconds: float
    probability: float | None
    decision: Decision


@dataclass(frozen=True)
class Departure:
    """Which measure left its band, and what was seen."""

    measure: str
    told: str


@dataclass
class Stream:
    """What was seen of one channel in this window, in counts."""

    answered: int = 0
    failed: int = 0
    times: Counter[int] = field(default_factory=Counter)
    scores: Counter[int] = field(default_factory=Counter)
    decisions: Counter[Decision] = field(default_factory=Counter)
    cases: set[str] = field(default_factory=set)

    @property
    def photos(self) -> int:
        """Those that were answered, and those that were not."""
        return self.answered + self.failed

    def add(self, answer: Answer | None, case: str | None) -> bool:
        """Count the first photo of each case alone, as cases are what is drawn by lot; whether this one was."""
        if case is not None and case in self.cases:
            return False
        self.cases.update(() if case is None else (case,))
        if answer is None:
            self.failed += 1
            return True
        self.answered += 1
        self.times[time_step(answer.seconds)] += 1
        self.scores[REJECTED if answer.probability is None else round(SCALE * answer.probability)] += 1
        self.decisions[answer.decision] += 1
        return True

    def seconds(self, name: str) -> float | None:
        """Of one of QUANTILES."""
        step = quantile(self.times, QUANTILES[name])
        return None if step is None else step_seconds(step)


class Judge:
    """Compares two streams as they come; `departure` stays what it was found to be."""

    def __init__(self, bands: Bands) -> None:
        self._bands = bands
        self.canary, self.champion = Stream(), Stream()
        self.looks = 0
        self.distance = 0.0  # of the probabilities' distributions, at the last look
        self.departure: Departure | None = None

    def see(self, answer: Answer | None, case: str | None, *, canary: bool) -> Departure | None:
        """Count one photo, None for one that was not answered; what has left its band, if anything has."""
        stream = self.canary if canary else self.champion
        if stream.add(answer, case) and canary and self.canary.photos % self._bands.every == 0:
            self._look()
        if self.canary.photos >= self._bands.window or self.champion.photos >= LONGEST * self._bands.window:
            self.renew()
        return self.departure

    def renew(self) -> None:
        """Begin a new window."""
        self.canary, self.champion = Stream(), Stream()

    def _look(self) -> None:
        self.looks += 1
        self.distance = distance(self.canary.scores, self.champion.scores)
        level = self._bands.alpha / (self.looks * (self.looks + 1)) / TESTS
        self.departure = self.departure or next(departures(self.canary, self.champion, self._bands, level), None)


def departures(canary: Stream, champion: Stream, bands: Bands, level: float) -> Iterator[Departure]:
    """Each measure that is out of its band; a test says so of one within it with a probability of `level` at most."""
    yield from failing(canary, champion, bands, level)
    yield from slower(canary, champion, bands, level)
    yield from shifted(canary, champion, bands, level)
    yield from deciding_otherwise(canary, champion, bands, level)


def failing(canary: Stream, champion: Stream, bands: Bands, level: float) -> Iterator[Departure]:
    """The share of photos that were not answered."""
    least = lower_share(canary.failed, canary.photos, level / 2)
    most = upper_share(champion.failed, champion.photos, level / 2)
    if least > most + bands.error:
        seen = f"{canary.failed} of {canary.photos} photos against {champion.failed} of {champion.photos}"
        yield Departure("errors", f"{seen} were not answered")


def slower(canary: Stream, champion: Stream, bands: Bands, level: float) -> Iterator[Departure]:
    """The median and the 95th percentile of the time to an answer."""
    for name, q in QUANTILES.items():
        least = lower_quantile(canary.times, q, level / 2)
        most = upper_quantile(champion.times, q, level / 2)
        if least is not None and most is not None and least * STEP > (most + 1) * STEP + math.log(bands.latency):
            ours, theirs = (1000 * (each.seconds(name) or 0.0) for each in (canary, champion))
            yield Departure("latency", f"the {name} is {ours:.0f} ms against {theirs:.0f} ms")


def shifted(canary: Stream, champion: Stream, bands: Bands, level: float) -> Iterator[Departure]:
    """The distribution of the probabilities, of rejected photos below all others."""
    found = distance(canary.scores, champion.scores)
    if found - margin(canary.answered, level / 2) - margin(champion.answered, level / 2) > bands.score:
        yield Departure("scores", f"the distributions of the probabilities are {found:.2f} apart")


def deciding_otherwise(canary: Stream, champion: Stream, bands: Bands, level: float) -> Iterator[Departure]:
    """The share of each decision, which also limits of quality and familiarity move."""
    for decision in Decision:
        ours, theirs = canary.decisions[decision], champion.decisions[decision]
        n, m = canary.answered, champion.answered
        more = lower_share(ours, n, level / 2) - upper_share(theirs, m, level / 2)
        fewer = lower_share(theirs, m, level / 2) - upper_share(ours, n, level / 2)
        if max(more, fewer) > bands.score:
            yield Departure("scores", f"{ours} of {n} photos against {theirs} of {m} are told `{decision.value}`")


def time_step(seconds: float) -> int:
    """The step that a time is in."""
    return max(0, math.floor(math.log(max(seconds, FASTEST) / FASTEST) / STEP))


def step_seconds(step: int) -> float:
    """The middle of a step, as times are read."""
    return FASTEST * math.exp(STEP * (step + 0.5))
