"""How long a caller waits, as it says so itself: the preference `wait` of RFC 7240, in seconds.

It counts from the moment when the request's head is here, and goes with the photo: to the door, the decoders, and
inference. Until the photo is stored, one whose caller is gone is dropped; afterwards it is answered as pending.
"""

from __future__ import annotations

import math
import re
import time
from dataclasses import dataclass

from starlette.requests import Request

from gateway.problems import busy

WAIT = re.compile(r"wait\s*=\s*\"?([0-9]{1,5})\"?(?:\s*;.*)?", re.IGNORECASE)
LONGEST = 600  # seconds; nobody waits for longer
WRITING = 0.05  # seconds of it that are kept for the record


@dataclass(frozen=True)
class Deadline:
    """`at` is a moment of `time.monotonic()`, `wait` the preference that it comes from."""

    at: float = math.inf
    wait: int | None = None

    def left(self, at_most: float = math.inf) -> float:
        """Seconds, none of them below 0."""
        return max(0.0, min(at_most, self.at - time.monotonic()))

    def left_for_inference(self, at_most: float) -> float:
        """Seconds, so that the record can still be written in time."""
        return max(0.0, self.left(at_most + WRITING) - WRITING)

    def check(self) -> None:
        """Raises the `busy` problem when nobody waits any more."""
        if self.at <= time.monotonic():
            raise busy()

    @property
    def headers(self) -> dict[str, str]:
        """What an answer says of it."""
        return {} if self.wait is None else {"Preference-Applied": f"wait={self.wait}"}


NEVER = Deadline()


def deadline_of(request: Request) -> Deadline:
    """Of the first preference that says so (RFC 7240, section 2); one that is not understood counts for none."""
    for header in request.headers.getlist("prefer"):
        for preference in header.split(","):
            if said := WAIT.fullmatch(preference.strip()):
                return from_wait(int(said[1]))
    return NEVER


def from_wait(seconds: int) -> Deadline:
    """That many seconds from now; none, and more than ten minutes, are no preference that we know."""
    return Deadline(time.monotonic() + seconds, seconds) if 0 < seconds <= LONGEST else NEVER
