"""Wall and CPU time by phase, and CPU and memory over time, of this process and its children."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple, Self

import psutil

EVERY = 0.5  # seconds
KEPT = 240  # points of a curve
MIB = 2**20


class Sample(NamedTuple):
    """Seconds since the start, cores in use since the sample before, resident MiB, and the phase."""

    at: float
    cores: float
    mib: float
    phase: str


class Meter:
    """`with` it; name the phases by `phase` or `enter`. Children count while they live and once they are waited for."""

    def __init__(self, every: float = EVERY) -> None:
        self._every, self._process = every, psutil.Process()
        self._thread = threading.Thread(target=self._watch, name="sampler", daemon=True)
        self._over = threading.Event()
        self._phase, self._since = "", (0.0, 0.0)
        self.samples: list[Sample] = []
        self.phases: dict[str, dict[str, float]] = {}

    def __enter__(self) -> Self:
        self._start = time.monotonic()
        self._since = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.enter("")
        self._over.set()
        self._thread.join()

    def enter(self, phase: str) -> None:
        """What is done from here on."""
        now, before = self._now(), self._since
        if self._phase:
            spent = self.phases.setdefault(self._phase, {"wall": 0.0, "cpu": 0.0})
            spent["wall"] += now[0] - before[0]
            spent["cpu"] += now[1] - before[1]
        self._phase, self._since = phase, now

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """One phase."""
        self.enter(name)
        try:
            yield
        finally:
            self.enter("")

    def _now(self) -> tuple[float, float]:
        return time.monotonic() - self._start, cpu_seconds(self._process)

    def _watch(self) -> None:
        before = self._now()
        while not self._over.wait(self._every):
            now = self._now()
            used = max(0.0, now[1] - before[1]) / max(now[0] - before[0], 1e-9)
            self.samples.append(Sample(now[0], used, resident(self._process) / MIB, self._phase))
            before = now


def family(process: psutil.Process) -> list[psutil.Process]:
    """The process and what descends from it and lives."""
    return [process, *process.children(recursive=True)]


def cpu_seconds(process: psutil.Process) -> float:
    """Of the process, of its living children, and of those that it has waited for."""
    total = 0.0
    for each in family(process):
        try:
            times = each.cpu_times()
        except psutil.Error:  # it has just ended
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def resident(process: psutil.Process) -> float:
    """Bytes in memory; what children share with it counts for each of them."""
    total = 0.0
    for each in family(process):
        try:
            total += each.memory_info().rss
        except psutil.Error:  # it has just ended
            continue
    return total


def thinned(samples: Sequence[Sample], kept: int = KEPT) -> list[list[Any]]:
    """At most `kept` points of [seconds, cores, MiB, phase]: means of cores, peaks of memory."""
    width = max(1, -(-len(samples) // kept))
    parts = [samples[i : i + width] for i in range(0, len(samples), width)]
    return [
        [
            round(part[-1].at, 1),
            round(sum(each.cores for each in part) / len(part), 3),
            round(max(each.mib for each in part), 1),
            part[-1].phase,
        ]
        for part in parts
    ]
