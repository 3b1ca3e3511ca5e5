"""The door: a place for an upload is had here before its body is read, or a word when to come again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.requests import Request

from gateway.crew import Crew
from gateway.deadline import NEVER, Deadline
from gateway.doorkeeper import Doorkeeper
from gateway.line import Ticket
from gateway.metrics import Metrics
from gateway.photo_size import MAX_BODY, too_large
from gateway.problems import Problem

SLOW = 0.05  # seconds after which somebody whose body is still to come is a slow sender


class Place:
    """One upload's, inside."""

    def __init__(self, keeper: Doorkeeper, ticket: Ticket) -> None:
        self._keeper, self._ticket = keeper, ticket

    def received(self, size: int) -> None:
        """The body is here; `size` bytes of it are kept from now on, as long as the place is."""
        self._keeper.received(self._ticket, size)

    def assessed(self) -> None:
        """The photo was: how long that took tells how many fit inside. What is refused or pending tells nothing."""
        self._ticket.assessed = True


class Door:
    """`places` uploads of `room` bytes together inside, `queue` before it for `patience` seconds at most.

    `workers` is how many photos can be decoded at once.
    """

    def __init__(self, metrics: Metrics, *, workers: int, places: int, queue: int, room: int, patience: float) -> None:
        self._metrics, self._patience = metrics, patience
        self._crew = Crew(least=workers + 1, first=2 * workers + 1, most=min(places, 8 * workers))
        count = metrics.door_refusals.labels
        self._keeper = Doorkeeper(
            self._crew, places=places, queue=queue, room=room, patience=patience, told=lambda why: count(why).inc()
        )
        self._show(metrics)

    def _show(self, metrics: Metrics) -> None:
        """As it is when the metrics are read."""
        keeper, uploads = self._keeper, metrics.door_uploads.labels
        uploads("waiting").set_function(lambda: keeper.waiting)
        uploads("inside").set_function(lambda: keeper.inside)
        uploads("working").set_function(lambda: keeper.active)
        metrics.door_bytes.set_function(lambda: keeper.bytes)
        metrics.door_crew.set_function(lambda: self._crew.size)

    @property
    def waiting(self) -> int:
        """How many uploads wait."""
        return self._keeper.waiting

    def dismiss(self) -> None:
        """Tell everybody who waits to come again."""
        self._keeper.dismiss()

    @asynccontextmanager
    async def place(self, caller: str, size: int = MAX_BODY, deadline: Deadline = NEVER) -> AsyncIterator[Place]:
        """A place for one upload of `caller`, of `size` bytes at most, taken before its body is read.

        Raises the problems `busy` and `too-many-requests`: at once when there is nothing to wait for, or when the
        time is up.
        """
        begun = time.monotonic()
        let_in: asyncio.Future[Problem | None] = asyncio.get_running_loop().create_future()
        ticket = Ticket(caller, size, begun, deadline.at, let_in.set_result)
        await self._admitted(ticket, let_in)
        slow = asyncio.get_running_loop().call_later(SLOW, self._keeper.rest, ticket)
        try:
            yield Place(self._keeper, ticket)
        finally:
            slow.cancel()
            self._keeper.leave(ticket)

    async def _admitted(self, ticket: Ticket, let_in: asyncio.Future[Problem | None]) -> None:
        """Returns when it is; raises Problem."""
        self._keeper.arrive(ticket)
        try:
            if not let_in.done():
                await asyncio.wait({let_in}, timeout=min(self._patience, ticket.until - ticket.came))
            self._keeper.give_up(ticket)
        except asyncio.CancelledError:
            self._keeper.give_up(ticket)
            if let_in.result() is None:
                self._keeper.leave(ticket)
            raise
        problem, seconds = let_in.result(), time.monotonic() - ticket.came
        self._metrics.door_wait.labels("refused" if problem else "admitted").observe(seconds)
        if problem:
            self._metrics.intake.labels(problem.type).inc()
            raise problem


def size_of(request: Request) -> int:
    """Bytes of its body, as many as there may be where it does not say; raises the problem `photo-too-large`."""
    length = request.headers.get("content-length", "")
    if not length.isdigit():
        return MAX_BODY
    if int(length) > MAX_BODY:
        raise too_large()
    return int(length)
