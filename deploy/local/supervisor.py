"""Keep child processes running: start, restart with growing patience, stop in order."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nevus.configuration import EXIT_STATUS

FIRST_DELAY = 0.2  # seconds before the first restart, doubled at each one that follows
LONGEST_DELAY = 5.0
CALM = 30.0  # seconds of life after which earlier deaths are forgotten
LOG_BYTES = 5 * 1024 * 1024


@dataclass
class Service:
    """A child process under a name, with a log file and a memory of how often it has died lately.

    `refuses` is whether it died last of its settings: those are the same at the next start.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    say: Callable[[str], None]
    deaths: int = 0
    refuses: bool = False
    _process: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _due: float = 0.0

    def start(self) -> None:
        """Start it; it ignores Ctrl-C, which a terminal sends to all, so that the order of stopping is ours."""
        with self.log.open("ab") as log:
            before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a child inherits what is blocked
            try:
                self._process = subprocess.Popen(
                    self.command, env=dict(self.environment), stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            finally:
                signal.pthread_sigmask(signal.SIG_SETMASK, before)
        self._started = time.monotonic()

    def tend(self) -> None:
        """Notice a death and, when its delay is over, start again; call it often."""
        if self._process is None:
            if time.monotonic() >= self._due:
                self.start()
            return
        status = self._process.poll()
        if status is None:
            return
        if time.monotonic() - self._started >= CALM:
            self.deaths = 0
        delay = min(FIRST_DELAY * 2**self.deaths, LONGEST_DELAY)
        self.deaths += 1
        self.refuses = status == EXIT_STATUS
        self._process, self._due = None, time.monotonic() + delay
        self.say(f"{self.name} ended ({outcome(status)}); starting it again in {delay:.1f} s")

    def terminate(self) -> None:
        """Ask it to finish what it has and end."""
        if self._process:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait until it has ended; at `deadline` (monotonic seconds) it is killed."""
        if self._process:
            try:
                self._process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"{self.name} did not end in time and is killed")
                self._process.kill()
                self._process.wait()


def stop(services: Sequence[Service], patience: float) -> None:
    """End services one after the other, all within `patience` seconds; each keeps two for those that follow."""
    end = time.monotonic() + patience
    for rank, service in enumerate(services):
        service.terminate()
        service.wait(end - 2.0 * (len(services) - 1 - rank))


def outcome(status: int) -> str:
    """An exit status in words."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def rotate(log: Path, limit: int = LOG_BYTES) -> None:
    """Put a log that has grown over `limit` bytes aside, over the one put aside before."""
    if log.exists() and log.stat().st_size > limit:
        log.replace(log.with_name(log.name + ".1"))
