"""How a caller follows a training and ends it early."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


class Interrupted(BaseException):  # so that no library takes it for an error of its own
    """The training, or the job, is to end now; a later attempt goes on from the last checkpoint."""


def nothing(*_: object) -> None:
    """For a caller that does not want to hear."""


@dataclass(frozen=True)
class Hooks:
    """Called on the training's own thread with the step: each one and its loss, each checkpoint, each validation.

    `stepped` may raise Interrupted.
    """

    stepped: Callable[[int, float], None] = nothing
    saved: Callable[[int], None] = nothing
    looked: Callable[[int, dict[str, float]], None] = nothing
