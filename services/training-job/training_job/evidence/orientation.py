"""Does the decision depend on how the photo is turned? A lesion has no top."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image

from nevus.domain import Decision
from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered, as_answers
from training_job.evidence.altering import LIMIT, Picture, answers_to, enough, sample, view
from training_job.evidence.figures import share

TURNS = {
    "flip_horizontal": Image.Transpose.FLIP_LEFT_RIGHT,
    "flip_vertical": Image.Transpose.FLIP_TOP_BOTTOM,
    "turn_90": Image.Transpose.ROTATE_90,
    "turn_180": Image.Transpose.ROTATE_180,
    "turn_270": Image.Transpose.ROTATE_270,
    "transpose": Image.Transpose.TRANSPOSE,
    "transverse": Image.Transpose.TRANSVERSE,
}


def measure(version: Version, answered: Sequence[Answered], limit: int = LIMIT) -> dict[str, Any]:
    """Share of photos whose decision is the same in all eight orientations, and in each of the seven others.

    `seen` is the share that is told `routine` in all of them or in none: indeterminate counts as referred.
    """
    chosen = sample(answered, limit)
    if not enough(chosen):
        return {}
    side = version.manifest.input.side

    def turned(row: Row) -> Iterator[Picture]:
        photo = view(row, side)
        yield from ((name, photo.transpose(turn)) for name, turn in TURNS.items())

    upright = as_answers(chosen)
    found = answers_to(version, [each.row for each in chosen], turned, "turned")
    decisions = {name: as_answers(theirs).decisions for name, theirs in found.items()}
    same = {name: theirs == upright.decisions for name, theirs in decisions.items()}
    routine = upright.decisions == Decision.ROUTINE.value
    seen = [(theirs == Decision.ROUTINE.value) == routine for theirs in decisions.values()]
    return {
        "n": len(chosen),
        "stable": share(np.all(list(same.values()), axis=0), upright.groups),
        "seen": share(np.all(seen, axis=0), upright.groups),
        "by": {name: share(hits, upright.groups) for name, hits in same.items()},
    }
