"""The layer between use cases and ports: it does to calls what networks, disks and clouds do to them.

Which call meets what is drawn from the seed. A write may happen and be reported as failed, be reported as failed and
happen later, or happen twice, now or later; a read may fail, or answer with what was true some seconds ago. What has
left the process happens even when the process is killed meanwhile.
"""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from nevus.ports import Busy, PortError, Unavailable

READS = frozenset(
    {"get", "list", "page", "review", "with_status", "since", "counts", "active", "report", "caller", "measure"}
    | {"audit_head", "audit_links", "audit_log", "diagnosed", "confirmed", "ready"}
)
READ_FAULTS = ("refuses", "is_late", "is_stale")
WRITE_FAULTS = ("refuses", "is_late", "is_lost", "comes_later", "comes_twice", "echoes")
LATE, STALE = 12.0, 5.0  # seconds: how long a call hangs at most, how old an answer may be
Call = Callable[[], Awaitable[Any]]


@dataclass
class Process:
    """One incarnation of the gateway: whoever works in it, until it is killed."""

    name: str
    tasks: dict[asyncio.Task[Any], None] = field(default_factory=dict)  # in the order in which they are cancelled
    dead: bool = False

    def run(self, work: Any) -> asyncio.Task[Any]:
        """In this process: cancelled when it is killed."""
        task = asyncio.get_running_loop().create_task(work)
        self.tasks[task] = None
        task.add_done_callback(self.tasks.pop)
        return task

    def check(self) -> None:
        """A dead process calls nobody, and hears nothing."""
        if self.dead:
            raise asyncio.CancelledError

    async def kill(self) -> None:
        """At once: nothing that it would do when it ends has any effect."""
        self.dead = True
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@dataclass
class Chaos:
    """Draws what befalls each call; `share` of them by the port's name, none when it is quiet."""

    rng: random.Random
    share: dict[str, float]
    quiet: bool = False
    trace: list[str] = field(default_factory=list)
    under_way: set[asyncio.Task[Any]] = field(default_factory=set)
    answers: dict[str, tuple[float, Any]] = field(default_factory=dict)

    async def meet(self, process: Process, port: str, name: str, said: str, call: Call) -> Any:
        """Make the call, with what befalls it; raises CancelledError once the process is dead."""
        await self._moment()
        process.check()
        fault = self._draw(port, name)
        if fault:
            self.trace.append(f"{process.name} {port}.{name} {fault}")
        try:
            return await self._befall(fault, said, call) if fault else await self._remembered(said, call)
        finally:
            await self._moment()
            process.check()

    def _draw(self, port: str, name: str) -> str | None:
        if self.quiet or self.rng.random() >= self.share.get(port, 0.0):
            return None
        return self.rng.choice(READ_FAULTS if name in READS else WRITE_FAULTS)

    async def _moment(self) -> None:
        """In which others come first."""
        await asyncio.sleep(0 if self.quiet else self.rng.choice((0.0, 0.001, 0.01, 0.1)) * self.rng.random())

    async def _remembered(self, said: str, call: Call) -> Any:
        now = asyncio.get_running_loop().time()
        try:
            found = await call()
        except PortError as error:
            self.answers[said] = (now, error)
            raise
        self.answers[said] = (now, found)
        return found

    async def _befall(self, fault: str, said: str, call: Call) -> Any:
        match fault:
            case "is_late":  # it hangs, and then fails or not
                await asyncio.sleep(self.rng.uniform(0, LATE))
                return await self._or_fail(call)
            case "is_stale":  # what was true when somebody last asked the same
                return await self._as_it_was(said, call)
            case "is_lost":  # it happens, and nobody hears of it
                await call()
            case "comes_later":  # it is reported as failed, and happens
                self._send(call)
            case "comes_twice":  # what the second delivery meets is what is answered
                await call()
                return await call()
            case "echoes":  # it happens, and again a while later
                found = await call()
                self._send(call)
                return found
        raise self.rng.choice((Busy("429"), Unavailable("500"), Unavailable("timeout")))

    async def _or_fail(self, call: Call) -> Any:
        if self.rng.random() < 0.5:
            raise Unavailable("timeout")
        return await call()

    async def _as_it_was(self, said: str, call: Call) -> Any:
        at, found = self.answers.get(said, (float("-inf"), None))
        if asyncio.get_running_loop().time() - at > STALE:
            return await self._remembered(said, call)
        if isinstance(found, Exception):
            raise found
        return found

    def _send(self, call: Call) -> None:
        """On its way: whatever becomes of the process, it arrives."""

        async def arrives() -> None:
            await asyncio.sleep(self.rng.uniform(0, LATE))
            try:
                await call()
            except PortError as error:
                self.trace.append(f"late: {type(error).__name__}")

        task = asyncio.get_running_loop().create_task(arrives())
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def settle(self) -> None:
        """No fault from now on, and everything has arrived that was on its way."""
        self.quiet = True
        await asyncio.gather(*self.under_way)


class Faulty:
    """A port as one process sees it."""

    def __init__(self, port: Any, name: str, process: Process, chaos: Chaos) -> None:
        self._port, self._name, self._process, self._chaos = port, name, process, chaos

    def __getattr__(self, method: str) -> Any:
        real = getattr(self._port, method)
        if not inspect.iscoroutinefunction(real):
            return real

        async def call(*args: Any, **more: Any) -> Any:
            said = f"{self._name}.{method} {args} {more}" if method in READS else ""
            return await self._chaos.meet(self._process, self._name, method, said, lambda: real(*args, **more))

        return call


class FaultyClassifier(Faulty):
    """Whether it is ready can always be told; a fault says that it is not."""

    async def ready(self) -> bool:
        """Never raises."""
        try:
            return bool(await self.__getattr__("ready")())
        except PortError:
            return False
