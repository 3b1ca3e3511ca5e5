"""A doorkeeper in simulated time: photos share two cores, and come when a test wants."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial

from gateway.crew import Crew
from gateway.doorkeeper import Doorkeeper
from gateway.line import Ticket
from gateway.problems import Problem

CORES, WORK, IO = 2, 0.016, 0.004  # seconds of a core, and of waiting for a disk, that a photo takes


@dataclass(eq=False)
class Visit:
    """One upload, and what came of it."""

    caller: str
    came: float
    size: int
    left: float | None = None
    problem: Problem | None = None
    work: float = 0.0
    let_in: float | None = None

    @property
    def seconds(self) -> float:
        assert self.left is not None
        return self.left - self.came


@dataclass
class World:
    """`run` plays arrivals of (time, caller); every photo inside gets an equal share of the cores."""

    places: int = 16
    queue: int = 512
    room: int = 1000
    patience: float = 10.0
    now: float = 0.0
    seed: int = 0
    visits: list[Visit] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.crew = Crew(3, 5, self.places)
        self.keeper = Doorkeeper(
            self.crew, places=self.places, queue=self.queue, room=self.room, patience=self.patience,
            clock=lambda: self.now,
        )  # fmt: skip
        self.working: dict[Visit, Ticket] = {}
        self.timers: list[tuple[float, int, Callable[[], object]]] = []

    def arrive(self, caller: str, size: int = 1) -> Visit:
        visit = Visit(caller, self.now, size)
        self.visits.append(visit)

        def tell(problem: Problem | None) -> None:
            visit.problem = problem
            if problem is None:
                visit.let_in, visit.work = self.now, self.random.gammavariate(8, WORK / 8)
                self.after(0.0, lambda: self.begin(visit, ticket))
            else:
                visit.left = self.now

        ticket = Ticket(caller, size, self.now, math.inf, tell)
        self.keeper.arrive(ticket)
        self.after(self.patience, lambda: self.keeper.give_up(ticket))
        return visit

    def begin(self, visit: Visit, ticket: Ticket) -> None:
        self.working[visit] = ticket
        self.keeper.received(ticket, visit.size)

    def after(self, seconds: float, call: Callable[[], object]) -> None:
        heapq.heappush(self.timers, (self.now + seconds, len(self.timers) + self.random.getrandbits(60), call))

    def run(self, arrivals: Iterable[tuple[float, str]], until: float) -> None:
        for moment, caller in arrivals:
            self.timers.append((moment, self.random.getrandbits(60), partial(self.arrive, caller)))
        heapq.heapify(self.timers)
        while self.now < until and (self.timers or self.working):
            self.step(until)

    def step(self, until: float) -> None:
        """To the next arrival or departure."""
        speed = min(1.0, CORES / max(1, len(self.working)))
        ending = min(self.working, key=lambda visit: visit.work, default=None)
        ends = self.now + ending.work / speed if ending else until
        moment = min(ends, self.timers[0][0] if self.timers else until)
        for visit in self.working:
            visit.work -= (moment - self.now) * speed
        self.now = moment
        if ending and moment == ends:
            ticket = self.working.pop(ending)
            self.after(IO, lambda: self.finish(ending, ticket))
        elif self.timers:
            heapq.heappop(self.timers)[2]()

    def finish(self, visit: Visit, ticket: Ticket) -> None:
        visit.left, ticket.assessed = self.now, True
        self.keeper.leave(ticket)

    def answered(self, caller: str | None = None, since: float = 0.0) -> list[float]:
        """Seconds of those that were served."""
        return [
            visit.seconds
            for visit in self.visits
            if visit.left is not None and not visit.problem and visit.came >= since and caller in (None, visit.caller)
        ]


def poisson(rate: float, begin: float, end: float, caller: str = "anna", seed: int = 1) -> list[tuple[float, str]]:
    """Arrivals at random."""
    source, found, moment = random.Random(seed), [], begin
    while (moment := moment + source.expovariate(rate)) < end:
        found.append((moment, caller))
    return found


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]
