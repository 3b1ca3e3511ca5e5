"""What a stack runs as: started, measured and ended together, and nothing else touched."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Self

import psutil

MIB = 2**20
PATIENCE = 15.0  # seconds that a stack may take to end


@dataclass(frozen=True)
class Command:
    """A program to start, with what its environment has besides this one's, and its working folder."""

    words: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path = Path()


class Running:
    """A stack's processes; `with` it. Each command leads a session, so that whoever loses its parent still counts."""

    def __init__(self, commands: Sequence[Command], log: Path) -> None:
        self._commands, self._log = commands, log
        self._leaders: list[subprocess.Popen[bytes]] = []
        self._processes: list[psutil.Process] = []

    def __enter__(self) -> Self:
        try:
            with self._log.open("ab") as log:
                for each in self._commands:
                    self._start(each, log)
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self, command: Command, log: BinaryIO) -> None:
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | command.environment
        started = subprocess.Popen(
            command.words,
            env=environment,
            cwd=command.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        self._leaders.append(started)
        self._processes.append(psutil.Process(started.pid))

    def __exit__(self, *_raised: object) -> None:
        """End the leaders as a supervisor would, then whatever is left of them, even when this is interrupted."""
        family = [*self._processes, *self.family()]
        for leader in reversed(self._leaders):
            if leader.poll() is None:
                leader.send_signal(signal.SIGTERM)
        try:
            psutil.wait_procs(self._processes, timeout=PATIENCE)
        finally:
            for process in family:
                with suppress(psutil.NoSuchProcess):
                    process.kill()  # psutil makes sure that it is still the same process
            for leader in self._leaders:
                leader.wait(PATIENCE)
            psutil.wait_procs(family, timeout=PATIENCE)

    def ended(self) -> bool:
        """Whether a program that was started is gone."""
        return any(leader.poll() is not None for leader in self._leaders)

    def family(self) -> list[psutil.Process]:
        """All that lives of what was started: of its sessions, and what descends from it."""
        found: dict[int, psutil.Process] = {}
        sessions = {leader.pid for leader in self._leaders}
        for process in self._processes:
            if process.is_running():
                found |= {each.pid: each for each in (process, *process.children(recursive=True))}
        for pid in psutil.pids():
            try:
                if pid not in found and os.getsid(pid) in sessions:
                    found[pid] = psutil.Process(pid)
            except (ProcessLookupError, psutil.NoSuchProcess):
                continue
        return list(found.values())

    def cpu(self) -> float:
        """Seconds of CPU time of the family, and of those that it has waited for."""
        return sum(cpu_of(process) for process in self.family())

    def memory(self) -> float:
        """MiB of the family; what processes share counts once where the system tells (PSS)."""
        return sum(memory_of(process) for process in self.family()) / MIB


def cpu_of(process: psutil.Process) -> float:
    """Seconds, ended children included; 0 once it is gone."""
    try:
        times = process.cpu_times()
    except psutil.Error:
        return 0.0
    return float(times.user + times.system + times.children_user + times.children_system)


def memory_of(process: psutil.Process) -> float:
    """Bytes: its proportional share of memory, or all that is resident where that cannot be read."""
    try:
        full = process.memory_full_info()
        return float(getattr(full, "pss", full.rss))
    except psutil.AccessDenied:
        return float(process.memory_info().rss)
    except psutil.Error:
        return 0.0
