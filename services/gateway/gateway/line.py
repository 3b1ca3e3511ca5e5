"""Those who wait before the door, in turns: the caller comes next who was served the longest ago, or never.

So nobody waits for more than one photo of each other caller, and who sends little is served at once: fair queueing
(Nagle, 1985) as in RFC 8290. Of a full line the one who has the most in it has to go (McKenney, 1990).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, KeysView
from dataclasses import dataclass, field

from gateway.problems import Problem

REMEMBERED = 1000  # callers who were served lately
SEVERAL = 1.5  # tickets a caller, from which on it is not the number of callers that makes the line long
Answer = Callable[[Problem | None], None]


@dataclass(eq=False)
class Ticket:
    """One upload. `size` is its bytes, `until` when its caller stops waiting, both as far as they are known.

    `tell` is called once, with None when it is let in.
    """

    caller: str
    size: int
    came: float
    until: float
    tell: Answer
    begun: float = field(default=0.0, init=False)  # when its body was there
    resting: bool = field(default=False, init=False)  # its sender is slow: it is inside, and nothing is done for it
    assessed: bool = field(default=False, init=False)  # its photo was: the time that it took tells something


class Line:
    """Each caller's tickets in the order in which they came."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Ticket]] = {}
        self._served: OrderedDict[str, None] = OrderedDict()  # callers, those served the longest ago first
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Ticket]:
        return (ticket for tickets in self._of.values() for ticket in tickets)

    @property
    def callers(self) -> KeysView[str]:
        """Who waits."""
        return self._of.keys()

    def of(self, caller: str) -> int:
        """How many tickets of that caller wait."""
        return len(self._of.get(caller, ()))

    def add(self, ticket: Ticket) -> None:
        """At the end of its caller's."""
        self._of.setdefault(ticket.caller, deque()).append(ticket)
        self._count += 1

    def take(self, fits: Callable[[Ticket], bool], *, newest: bool) -> Ticket | None:
        """The next that fits. `newest` takes the last that came, of callers never served and of each caller's own."""
        for caller in self._turns(newest=newest):
            tickets = self._of[caller]
            if fits(tickets[-1 if newest else 0]):
                self._serve(caller)
                ticket = tickets.pop() if newest else tickets.popleft()
                self._count -= 1
                if not tickets:
                    del self._of[caller]
                return ticket
        return None

    def _turns(self, *, newest: bool) -> Iterator[str]:
        """Callers who wait, in the order in which they should be served."""
        waiting = reversed(self._of) if newest else iter(self._of)
        yield from (caller for caller in waiting if caller not in self._served)
        yield from (caller for caller in self._served if caller in self._of)

    def _serve(self, caller: str) -> None:
        self._served[caller] = None
        self._served.move_to_end(caller)
        if len(self._served) > REMEMBERED:
            self._served.popitem(last=False)

    def remove(self, ticket: Ticket) -> bool:
        """False for one that does not wait."""
        tickets = self._of.get(ticket.caller)
        if tickets is None or ticket not in tickets:
            return False
        tickets.remove(ticket)
        self._count -= 1
        if not tickets:
            del self._of[ticket.caller]
        return True

    def last_of_longest(self) -> Ticket | None:
        """The newest ticket of the caller who has the most."""
        longest = max(self._of.values(), key=len, default=None)
        return longest[-1] if longest else None

    def older(self, moment: float) -> list[Ticket]:
        """Those who came before that moment: where some callers have several, of those who have the most alone."""
        average = self._count / max(1, len(self._of))
        blamed = [each for each in self._of.values() if average < SEVERAL or len(each) >= average]
        return [ticket for tickets in blamed for ticket in tickets if ticket.came < moment]
