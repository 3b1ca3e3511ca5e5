"""What is known of a job that runs as a process here, durable so that the next gateway can go on with it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from nevus.adapters.files import FileStore
from nevus.domain import Frozen
from nevus.ports import JobState, NotFound

RETRIES = 3
GONE_WITHIN = 5.0  # seconds
MAX_QUOTE = 200  # characters
TAIL_BYTES = 4096


class Ticket(Frozen):
    """A job. `started` is the kernel's start time of process `pid`, so that no other process is taken for it."""

    state: JobState = JobState.RUNNING
    detail: str = ""
    failures: int = 0
    cancelled: bool = False
    stopped: bool = False
    pid: int = 0
    started: str = ""

    def after_failure(self, why: str) -> Ticket:
        """Cancelled, failed for good, or to be tried again; `why` ends a sentence."""
        failures = self.failures + 1
        state = JobState.CANCELLED if self.cancelled else JobState.FAILED if failures > RETRIES else JobState.RUNNING
        detail = f"The training job failed {failures} times; at last {why}." if state is JobState.FAILED else ""
        return self.model_copy(update={"state": state, "detail": detail, "failures": failures})


class Tickets:
    """Tickets by job, one file each in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._store = FileStore(folder)
        self._known: dict[str, Ticket] = {}
        self._writing = asyncio.Lock()

    async def get(self, job: str) -> Ticket:
        """Raises NotFound."""
        if job not in self._known:
            try:
                stored = await self._store.get(f"{job}.json")
            except ValueError:
                raise NotFound(job) from None
            self._known.setdefault(job, Ticket.model_validate_json(stored.data))
        return self._known[job]

    async def put(self, job: str, ticket: Ticket) -> None:
        """Known at once, durable when it returns."""
        self._known[job] = ticket
        async with self._writing:
            await self._store.put(f"{job}.json", self._known[job].model_dump_json().encode())

    async def running(self) -> dict[str, Ticket]:
        """Of all that have not ended."""
        names = [key.removesuffix(".json") for key in await self._store.list("")]
        tickets = {name: await self.get(name) for name in names}
        return {name: ticket for name, ticket in tickets.items() if ticket.state is JobState.RUNNING}


def start_time(pid: int) -> str:
    """Of a living process, in the kernel's own count; empty when it is gone, or where there is no /proc."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else fields[19]


def kill_leftover(ticket: Ticket) -> None:
    """End the process of a gateway that is gone, should it not have ended by itself, and wait for that."""
    end = time.monotonic() + GONE_WITHIN
    while ticket.started and start_time(ticket.pid) == ticket.started and time.monotonic() < end:
        with suppress(ProcessLookupError):
            os.kill(ticket.pid, signal.SIGKILL)
        time.sleep(0.02)


def how_it_ended(status: int, log: Path) -> str:
    """An exit status in words, with the last line of the log."""
    words = f"it was killed by {signal.Signals(-status).name}" if status < 0 else f"it ended with exit status {status}"
    line = last_line(log)
    return f"{words}: {line.rstrip('.')}" if line else words


def last_line(log: Path) -> str:
    """Shortened; empty for a log without any."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
    except OSError:
        return ""
    return next((line.strip()[-MAX_QUOTE:] for line in reversed(lines) if line.strip()), "")
