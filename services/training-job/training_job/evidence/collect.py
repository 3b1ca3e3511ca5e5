"""All parts of the evidence of a version, as they stand in its manifest under `metrics["evidence"]`."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered
from training_job.evidence import (
    corruptions,
    curves,
    gate,
    hard,
    leaks,
    operating,
    orientation,
    overlays,
    targets,
    unfamiliar,
)
from training_job.evidence.altering import LIMIT


def run(version: Version, rows: Sequence[Row], answered: Sequence[Answered], limit: int = LIMIT) -> dict[str, Any]:
    """What `answered` says of the version, and what it says of at most `limit` of these photos when they are altered.

    `rows` are those of all splits, for the leak audit. A part for which there are too few photos is not there.
    Raises Unprocessable, OSError.
    """
    began = time.monotonic()
    parts: dict[str, Callable[[], Any]] = {
        "curves": lambda: curves.measure(answered),
        "operating_points": lambda: operating.measure(answered),
        "targets": lambda: targets.measure(answered),
        "overlays": lambda: overlays.measure(version, answered, limit),
        "corruptions": lambda: corruptions.measure(version, answered, limit),
        "orientation": lambda: orientation.measure(version, answered, limit),
        "leaks": lambda: leaks.measure(rows),
        "ood": lambda: unfamiliar.measure(version, answered, limit),
        "quality_gate": lambda: gate.measure(version, answered, limit),
        "hard": lambda: hard.measure(answered),
    }
    found = {name: measure() for name, measure in parts.items()}
    return {name: part for name, part in found.items() if part} | {"seconds": round(time.monotonic() - began, 1)}
