"""Whether more uploads come than are served, over the last three seconds. Pure: the time is given.

A burst and an overload look alike at first: both fill the line. They differ in what follows. A burst stops, and is
served to its end; an overload goes on, and a line that only grows makes everybody late, so it has to be kept short.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

SLOT = 0.1  # seconds
SHORT, MIDDLE, LONG = 3, 6, 30  # slots that are looked at: a burst shows in few, a growth of some percent in many
SUSTAINED = 5.0  # seconds of growing after which it is no burst; it shows for LONG, and may take two seconds to come


@dataclass
class Slot:
    """What happened in one tenth of a second."""

    number: int
    came: int = 0
    left: int = 0


class Demand:
    """Counts arrivals, refused ones included, and departures of those that were served."""

    def __init__(self) -> None:
        self._slots: deque[Slot] = deque()
        self._since: float | None = None

    def came(self, now: float) -> None:
        """One more at the door."""
        self._slot(now).came += 1

    def left(self, now: float) -> None:
        """One was served."""
        self._slot(now).left += 1

    def grows(self, now: float, slack: float) -> bool:
        """Whether more come than leave, by more than `slack`; one in twenty more until it is seen to."""
        came, left = self._seen(now, LONG)
        if self._since is None:
            lately, gone = self._seen(now, SHORT)
            if came - left > slack + left / 20 or lately - gone > slack + gone / 20:
                self._since = now
        elif came - left <= slack:
            self._since = None
        return self._since is not None

    def surges(self, now: float, slack: float) -> bool:
        """Whether it grows now, and not for what came a second ago."""
        if not self.grows(now, slack):
            return False
        came, left = self._seen(now, MIDDLE)
        return came - left > slack / 2

    def overloads(self, now: float, slack: float) -> bool:
        """Whether it has grown for so long that it is no burst, and still more come."""
        if not self.grows(now, slack) or self._since is None or now - self._since < SUSTAINED:
            return False
        came, left = self._seen(now, SHORT)
        return came > left / 2

    def _seen(self, now: float, slots: int) -> tuple[int, int]:
        """How many came and left in so many slots, the present one among them."""
        oldest = self._slot(now).number - slots
        recent = [slot for slot in self._slots if slot.number > oldest]
        return sum(slot.came for slot in recent), sum(slot.left for slot in recent)

    def _slot(self, now: float) -> Slot:
        number = int(now / SLOT)
        if not self._slots or self._slots[-1].number != number:
            self._slots.append(Slot(number))
        while self._slots[0].number <= number - LONG:
            self._slots.popleft()
        return self._slots[-1]
