"""A process that decodes, as the gateway starts it, asked without a gateway."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from gateway.intake import MEMORY
from gateway.intake_pool import Limits, launched
from gateway.intake_process import ANSWER, LENGTH, READY, unpacked
from gateway.intake_worker import Clean, Refusal


@dataclass
class Decoder:
    """One process after another; `ends` holds their exit statuses."""

    limits: Limits
    ends: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._process, self._socket = launched(self.limits)
        self._answers = self._socket.makefile("rb")
        assert self._answers.read(len(READY)) == READY

    def clean(self, data: bytes) -> Clean | Refusal | None:
        """Its answer; None when the process ended instead, and another has been started."""
        self._socket.sendall(LENGTH.pack(len(data)) + data)
        head = self._answers.read(ANSWER.size)
        if len(head) < ANSWER.size:
            self.ends.append(self.close())
            self.__post_init__()
            return None
        last, width, height, length = ANSWER.unpack(head)
        answer = unpacked(width, height, self._answers.read(length))
        if last:
            self.close()
            self.__post_init__()
        return answer

    def close(self) -> int:
        """Its exit status."""
        self._answers.close()
        self._socket.close()
        return self._process.wait(30)


@contextmanager
def decoder(folder: Path) -> Iterator[Decoder]:
    """With the limits of the gateway."""
    lock_file = folder / "lock"
    lock_file.touch()
    made = Decoder(Limits(MEMORY, cpu=1.7, timeout=5.0, lock_file=str(lock_file)))
    try:
        yield made
    finally:
        made.close()
