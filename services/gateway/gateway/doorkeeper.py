"""Who is let in, who waits, and who is told to come again. Pure: the clock is given, answers are calls of a ticket.

Inside are `places` uploads and `room` bytes at most, of one caller three in four; of them a crew's size is worked on at
once, the others are of slow senders. A burst waits in the line, first come first served. While demand grows, the newest
of each caller comes first, so that most are answered quickly rather than all late; when it has grown for so long that
it is no burst, whoever has waited longer than a photo takes is told to come again (adaptive LIFO and controlled delay:
Maurer, Fail at Scale, ACM Queue 2015).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable

from gateway.crew import Crew
from gateway.demand import SUSTAINED, Demand
from gateway.line import Line, Ticket
from gateway.problems import busy, too_many

FULL, GREEDY, STALE, LATE = "full", "greedy", "stale", "late"  # why one is told to come again
LEAST_STALE = 0.05  # seconds
REFUSED_AT_ONCE = 8  # of those who have waited for too long: hundreds would keep everybody inside waiting
SLACK = 5  # uploads that may come at once before it counts as growing
Clock = Callable[[], float]


class Doorkeeper:
    """Decides at every arrival and departure; costs some microseconds each."""

    def __init__(
        self,
        crew: Crew,
        *,
        places: int,
        queue: int,
        room: int,
        patience: float,
        clock: Clock = time.monotonic,
        told: Callable[[str], object] = str,
    ) -> None:
        self._crew, self._places, self._queue, self._room = crew, places, queue, room
        self._patience, self._clock, self._told = patience, clock, told
        self._share, self._room_share = places - places // 4, room - room // 4
        self._line, self._demand = Line(), Demand()
        self._inside, self._bytes = Counter[str](), Counter[str]()
        self._promised = 0.0  # until when those who were told to come again have moments of their own
        self.active = 0

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._line)

    @property
    def inside(self) -> int:
        """How many are inside."""
        return self._inside.total()

    @property
    def bytes(self) -> int:
        """Of all bodies inside, as far as they are announced."""
        return self._bytes.total()

    def arrive(self, ticket: Ticket) -> None:
        """Let it in, let it wait, or tell it to come again; somebody else may have to go for it."""
        now = self._clock()
        self._demand.came(now)
        if not self._line and self._fits(ticket):
            self._enter(ticket)
            return
        if now + self._wait(ticket.caller) > ticket.until:
            self._refuse(ticket, LATE)
        elif len(self._line) < self._queue or self._makes_way(ticket):
            self._line.add(ticket)
        else:
            self._refuse(ticket, FULL)
        self._go_on(now)

    def received(self, ticket: Ticket, size: int) -> None:
        """Its body is here, and is of that size: work begins."""
        self._bytes[ticket.caller] += size - ticket.size
        ticket.size, ticket.begun = size, self._clock()
        if ticket.resting:
            ticket.resting = False
            self.active += 1
        self._go_on(ticket.begun)

    def rest(self, ticket: Ticket) -> None:
        """To be called some time after it was let in: if its body is still to come, nothing is done for it so far."""
        if not (ticket.begun or ticket.resting):
            ticket.resting = True
            self.active -= 1
            self._go_on(self._clock())

    def leave(self, ticket: Ticket) -> None:
        """It is done, whatever came of it."""
        now = self._clock()
        self.active -= not ticket.resting
        ticket.resting = True  # a late `rest` finds nothing to do
        self._inside[ticket.caller] -= 1
        self._bytes[ticket.caller] -= ticket.size
        for counts in (self._inside, self._bytes):
            if counts[ticket.caller] <= 0:
                del counts[ticket.caller]
        self._demand.left(now)
        if ticket.assessed:
            self._crew.see(now - ticket.begun, max(0, self.active))
        self._go_on(now)

    def give_up(self, ticket: Ticket) -> None:
        """It waits no longer, if it still does."""
        if self._line.remove(ticket):
            self._refuse(ticket, LATE)
            self._go_on(self._clock())

    def dismiss(self) -> None:
        """Nobody waits any longer."""
        for ticket in tuple(self._line):
            self.give_up(ticket)

    @property
    def _open(self) -> bool:
        """Whether anybody can come in."""
        return self.active < self._crew.size and self.inside < self._places

    def _fits(self, ticket: Ticket) -> bool:
        caller, size = ticket.caller, ticket.size
        return (
            self._open
            and self._inside[caller] < self._share
            and self.bytes + size <= self._room
            and self._bytes[caller] + size <= self._room_share
        )

    def _enter(self, ticket: Ticket) -> None:
        self.active += 1
        self._inside[ticket.caller] += 1
        self._bytes[ticket.caller] += ticket.size
        ticket.tell(None)

    def _go_on(self, now: float) -> None:
        """Let in whoever can be, after those who have waited for too long in an overload."""
        if not self._line:
            return
        slack = max(SLACK, self._crew.size)
        newest = self._demand.surges(now, slack)
        if self._demand.overloads(now, slack):
            self._refuse_older(now - max(LEAST_STALE, self._crew.alone or 0.0))
        elif newest:
            self._refuse_older(now - SUSTAINED)
        while self._open and (nearest := self._line.take(self._fits, newest=newest)):
            self._enter(nearest)

    def _refuse_older(self, moment: float) -> None:
        """Those who came before, and were overtaken; a few at each arrival and departure."""
        for ticket in self._line.older(moment)[:REFUSED_AT_ONCE]:
            self._line.remove(ticket)
            self._refuse(ticket, STALE)

    def _makes_way(self, ticket: Ticket) -> bool:
        """Whether the line's most frequent caller, who has more than this one would have, was told to come again."""
        other = self._line.last_of_longest()
        if other is None or self._line.of(other.caller) <= self._line.of(ticket.caller) + 1:
            return False
        self._line.remove(other)
        self._refuse(other, GREEDY)
        return True

    def _refuse(self, ticket: Ticket, why: str) -> None:
        """429 for who has more than an equal share beside others, 503 for everybody else; in moments of their own."""
        greedy = why == GREEDY or (why != LATE and self._is_greedy(ticket.caller))
        now = self._clock()
        self._told(GREEDY if greedy else why)
        nearest = now + self._wait(ticket.caller)
        taken = self._promised > now + self._patience  # all moments up to then: from the first one on again
        self._promised = (nearest if taken else max(self._promised, nearest)) + self._crew.cost
        seconds = min(self._patience, self._promised - now)
        ticket.tell(too_many(seconds) if greedy else busy(seconds))

    def _is_greedy(self, caller: str) -> bool:
        callers = len(self._inside.keys() | self._line.callers | {caller})
        own, everybody = self._inside[caller] + self._line.of(caller), self.inside + len(self._line)
        return callers > 1 and own * callers > everybody

    def _wait(self, caller: str) -> float:
        """Seconds until another one of that caller's would have its turn, by what photos have taken lately."""
        return min(len(self._line), (self._line.of(caller) + 1) * len(self._line.callers)) * self._crew.cost
