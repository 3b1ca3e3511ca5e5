"""An event loop whose time passes as soon as everybody waits, and the wall clock that is read beside it."""

from __future__ import annotations

import asyncio
import selectors
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DEADLOCK = 5.0  # real seconds without anything to do


class Waitless(selectors.SelectSelector):
    """Adds the time that it would have waited to `now`, in seconds."""

    now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """What is ready; raises RuntimeError where everybody waits for ever."""
        events = super().select(DEADLOCK if timeout is None else 0)
        if timeout is None and not events:
            raise RuntimeError("everybody waits for ever")
        if timeout and not events:
            self.now += timeout
        return events


class SimulatedLoop(asyncio.SelectorEventLoop):
    """Hours take no time, and the same program takes the same way through them."""

    def __init__(self) -> None:
        self._waitless = Waitless()
        super().__init__(self._waitless)

    def time(self) -> float:
        """Simulated seconds since it was made."""
        return self._waitless.now


@dataclass
class WallClock:
    """Follows the loop's time, `offset` from the right one."""

    offset: timedelta = timedelta()

    def now(self) -> datetime:
        """In place of `nevus.clock.now`."""
        return self.right() + self.offset

    def right(self) -> datetime:
        """As a clock says that does not jump."""
        return datetime(2026, 11, 24, 9, tzinfo=UTC) + timedelta(seconds=asyncio.get_running_loop().time())
