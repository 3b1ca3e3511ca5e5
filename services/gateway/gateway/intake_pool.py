"""The processes that decode photos. One may crash, hang or be killed at any moment: its photo is answered all the same.

Each has a socket of its own, so that one that ends in the middle of a word, or while it waits, spoils nothing of the
others (docs/decisions/0007-processes-that-decode.md).
"""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import subprocess
import sys
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from gateway.intake_process import ANSWER, LENGTH, READY, unpacked
from gateway.intake_worker import Clean, Refusal
from gateway.problems import Problem, busy

START = 30.0  # seconds until a process that does not come up is given up
TRIES = 2  # for a photo whose process was killed by somebody else
LARGEST = 8 * 1024 * 1024  # bytes of an answer
BLAMELESS = (0, -signal.SIGKILL, -signal.SIGTERM)  # exit statuses that no photo causes
T = TypeVar("T")
log = logging.getLogger("gateway.intake_pool")


class Killed(Exception):
    """The process was ended from outside; the photo is not known to be at fault."""


@dataclass(frozen=True)
class Limits:
    """Of one process: bytes of address space, CPU seconds and seconds a photo, and the file that all of them lock."""

    memory: int
    cpu: float
    timeout: float
    lock_file: str


def launched(limits: Limits) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """A process, and our end of its socket; raises OSError."""
    ours, theirs = socket.socketpair()
    told = (theirs.fileno(), limits.memory, limits.cpu, limits.lock_file)
    command = [sys.executable, "-m", "gateway.intake_process", *map(str, told)]
    with theirs:
        try:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()]), ours
        except BaseException:
            ours.close()
            raise


class Worker:
    """One process, as its parent sees it. `usable` until it has ended or was told to."""

    def __init__(
        self, process: subprocess.Popen[bytes], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._process, self._reader, self._writer = process, reader, writer
        self._told_to_end = False

    @classmethod
    async def start(cls, limits: Limits) -> Worker:
        """A process that is ready; raises OSError, TimeoutError, asyncio.IncompleteReadError."""
        process, ours = await asyncio.to_thread(launched, limits)
        worker = cls(process, *await asyncio.open_connection(sock=ours))
        try:
            async with asyncio.timeout(START):
                await worker._reader.readexactly(len(READY))
        except BaseException:
            await worker.end(patience=0)
            raise
        return worker

    @property
    def usable(self) -> bool:
        """Whether it can take another photo."""
        return not self._told_to_end and not self._reader.at_eof() and self._process.poll() is None

    async def clean(self, data: bytes, timeout: float) -> Clean | Refusal:
        """Its answer, or what its end says about the photo; raises Killed."""
        try:
            async with asyncio.timeout(timeout):
                return await self._exchange(data)
        except TimeoutError:
            self.kill()
            return Refusal("photo-unreadable", "Decoding it takes too long.")
        except (OSError, EOFError, ValueError):
            return verdict(await self.end())

    async def _exchange(self, data: bytes) -> Clean | Refusal:
        self._writer.writelines((LENGTH.pack(len(data)), data))
        await self._writer.drain()
        last, width, height, length = ANSWER.unpack(await self._reader.readexactly(ANSWER.size))
        if length > LARGEST:
            raise ValueError("no answer is as long")
        answer = unpacked(width, height, await self._reader.readexactly(length))
        self._told_to_end = last
        return answer

    async def end(self, patience: float = 1.0) -> int:
        """Its exit status, after `patience` seconds by force."""
        self._writer.close()
        with suppress(subprocess.TimeoutExpired):
            return await asyncio.to_thread(self._process.wait, patience)
        self.kill()
        return await asyncio.to_thread(self._process.wait)

    def kill(self) -> None:
        """At once."""
        self._told_to_end = True
        self._process.kill()


def verdict(status: int) -> Refusal:
    """What the end of a process says about its photo; raises Killed where it says nothing."""
    log.warning("an intake process died", extra={"exit_status": status})
    if status in BLAMELESS:
        raise Killed
    if status == -signal.SIGPROF:
        return Refusal("photo-unreadable", "Decoding it takes too long.")
    return Refusal("photo-unreadable", "Decoding it failed.")


class Pool:
    """`size` processes. One that has ended is replaced at once; photos wait for that only if no other is free."""

    def __init__(self, size: int, limits: Limits) -> None:
        self._limits, self._closing = limits, False
        self._free: asyncio.Queue[Worker | None] = asyncio.Queue()  # None is a place without a process
        self._all: set[Worker] = set()
        self._work: set[asyncio.Task[Any]] = set()
        for _ in range(size):
            self._free.put_nowait(None)

    async def start(self) -> None:
        """Fill every place, so that the first photo need not wait."""
        places = [self._free.get_nowait() for _ in range(self._free.qsize())]
        await asyncio.gather(*map(self._refill, places))

    async def clean(self, data: bytes) -> Clean | Refusal:
        """A free process's answer; another's when that one was killed. Raises the `busy` problem."""
        for _ in range(TRIES):
            worker = await self._free.get()
            with suppress(Killed):
                return await asyncio.shield(self._keep(self._by(worker, data)))
        raise busy()

    async def _by(self, worker: Worker | None, data: bytes) -> Clean | Refusal:
        """Goes on when nobody waits for the answer any more: only then is the place free again."""
        try:
            if worker is None or not worker.usable:
                worker = await self._hire(worker)
            if worker is None:
                raise busy()
            return await worker.clean(data, self._limits.timeout)
        finally:
            if self._closing or (worker is not None and worker.usable):
                self._free.put_nowait(worker)
            else:
                self._keep(self._refill(worker))

    async def _refill(self, former: Worker | None) -> None:
        self._free.put_nowait(await self._hire(former))

    async def _hire(self, former: Worker | None) -> Worker | None:
        """One in the place of another; None where the system has no process for us."""
        try:
            if former is not None:
                self._all.discard(former)
                await former.end()
            if self._closing:
                return None
            hired = await Worker.start(self._limits)
        except (OSError, EOFError, RuntimeError) as error:  # the last of these: no more threads are to be had
            log.warning("an intake process could not be started", extra={"cause": type(error).__name__})
            return None
        self._all.add(hired)
        return hired

    def _keep(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        task = asyncio.create_task(work)
        self._work.add(task)
        task.add_done_callback(self._over)
        return task

    def _over(self, task: asyncio.Task[Any]) -> None:
        """Whether or not somebody waits for what came of it."""
        self._work.discard(task)
        error = None if task.cancelled() else task.exception()
        if error and not isinstance(error, (Killed, Problem)):
            log.error("an intake process was lost", exc_info=error)

    async def close(self) -> None:
        """End every process, whatever it does."""
        self._closing = True
        for worker in self._all:
            worker.kill()
        await asyncio.gather(*self._work, return_exceptions=True)
        await asyncio.gather(*(worker.end() for worker in self._all))
