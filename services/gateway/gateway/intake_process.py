"""A process that decodes: photos in by a socket, clean ones and refusals out, in plain bytes (`python -m` starts it).

Whatever a decoder does here, what leaves is data with a length: no pickle, which would run in the gateway.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import struct
import sys
import warnings
from contextlib import suppress
from typing import BinaryIO

from PIL import Image

from gateway.intake_worker import LOCK, Clean, Refusal, clean
from gateway.problems import TYPES
from nevus.lifetime import follow_parent_if_asked

LENGTH = struct.Struct(">I")  # before a photo
ANSWER = struct.Struct(">?III")  # whether it was the last one here, width, height (0 for a refusal), length
READY = b"."
TASKS = 500  # after which a process ends, for what the decoders may have leaked
GROWTH = 24 * 1024 * 1024  # bytes resident over what it began with, after which it ends too


def prepare(memory: int, lock_file: str) -> None:
    """Limit this process: `memory` bytes of address space; its parent ends it, by closing the socket or by force."""
    follow_parent_if_asked()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, signal.SIG_IGN)
    with suppress(ValueError):  # macOS sets none, and where the limit is lower already it stays
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.environ[LOCK] = lock_file
    warnings.simplefilter("ignore")  # Pillow's tell, and remember, whatever a file says
    Image.MAX_IMAGE_PIXELS = None  # our own limit is checked before any decoding


def serve(channel: socket.socket, cpu: float) -> None:
    """Answer photo after photo; one that takes more than `cpu` seconds of it ends this process by SIGPROF."""
    photos, began = channel.makefile("rb"), resident()
    channel.sendall(READY)
    for number in range(1, TASKS + 1):
        data = received(photos)
        if data is None:
            return
        signal.setitimer(signal.ITIMER_PROF, cpu)
        answer = clean(data)
        signal.setitimer(signal.ITIMER_PROF, 0)
        del data
        last = number == TASKS or resident() > began + GROWTH
        channel.sendall(packed(answer, last=last))
        if last:
            return


def received(photos: BinaryIO) -> bytes | None:
    """The next photo; None when there will be no more."""
    head = photos.read(LENGTH.size)
    return photos.read(*LENGTH.unpack(head)) if len(head) == LENGTH.size else None


def packed(answer: Clean | Refusal, *, last: bool) -> bytes:
    """As `unpacked` reads it."""
    if isinstance(answer, Clean):
        return ANSWER.pack(last, answer.width, answer.height, len(answer.jpeg)) + answer.jpeg
    told = "\0".join(answer).encode()
    return ANSWER.pack(last, 0, 0, len(told)) + told


def unpacked(width: int, height: int, body: bytes) -> Clean | Refusal:
    """The answer; raises ValueError for what no process of ours says."""
    if width:
        return Clean(body, width, height)
    problem, detail = body.decode().split("\0")
    if problem not in TYPES:
        raise ValueError(problem)
    return Refusal(problem, detail)


def resident() -> int:
    """Bytes of this process in memory; 0 where the system does not tell."""
    with suppress(OSError), open("/proc/self/statm", "rb") as file:  # noqa: PTH123  # pathlib is one more import here
        return int(file.read().split()[1]) * resource.getpagesize()
    return 0


def main(descriptor: str, memory: str, cpu: str, lock_file: str) -> None:
    """Serve the socket of that number until it is closed."""
    prepare(int(memory), lock_file)
    with suppress(ConnectionError), socket.socket(fileno=int(descriptor)) as channel:
        serve(channel, float(cpu))


if __name__ == "__main__":
    main(*sys.argv[1:])
