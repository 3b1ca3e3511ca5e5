"""What one version shows on the guard set, as it is served, before anything is compared."""

from __future__ import annotations

import hashlib
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from nevus.measure import Measurer
from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered, answer, masked_report, measure_all, photo_bytes
from training_job.evidence import overlays, unfamiliar
from training_job.evidence.altering import enough
from training_job.progress import steps
from training_job.promotion.policy import Protocol

ROUNDS = 5
Figure = dict[str, Any]


@dataclass(frozen=True)
class Measured:
    """The answers to the guard set, and figures (`{"value", "interval"}`) of what else was tried.

    `marks` are by kind of mark, then by what falls; `ood` and `masked` are None where there is nothing to measure on.
    """

    answered: list[Answered]
    marks: dict[str, dict[str, Figure]]
    ood: Figure | None
    masked: Figure | None


Measure = Callable[[Version, Sequence[Row], Protocol], Measured]


def measure(version: Version, guard: Sequence[Row], protocol: Protocol) -> Measured:
    """Raises Unprocessable, RegistryError, OSError."""
    with steps(f"guard set, {version.ref.version}", len(guard)) as step:
        found = measure_all(version, guard, step)
        answered = [answer(row, each, version) for row, each in zip(guard, found, strict=True)]
    with steps("without the lesion", sum(row.mask is not None for row in guard)) as step:
        masked = masked_report(version, answered, step)
    return Measured(
        answered=answered,
        marks=overlays.measure(version, answered, protocol.altered_photos).get("kinds", {}),
        ood=unfamiliar.ordinary(version, answered).get("auroc") if enough(answered) else None,
        masked=masked and masked["auroc_masked"],
    )


def milliseconds(versions: Sequence[Version], guard: Sequence[Row], photos: int) -> list[float]:
    """Of each version: a photo on one core, from its bytes to what is measured on it; the versions take turns.

    The time is the thread's own on the processor, so that what else runs here counts little. Raises OSError.
    """
    measurers = [Measurer(version) for version in versions]
    chosen = [photo_bytes(row) for row in guard[:: max(1, len(guard) // photos)][:photos]]
    taken: list[list[float]] = [[] for _ in versions]
    for _ in range(ROUNDS):
        for photo in chosen:
            for measurer, times in zip(measurers, taken, strict=True):
                began = time.thread_time()
                measurer.measure(photo)
                times.append(1000 * (time.thread_time() - began))
    return [round(statistics.median(times[len(chosen) :]), 2) for times in taken]


def guard_fingerprint(guard: Sequence[Row]) -> str:
    """Of the photos' names, bytes and labels; raises OSError."""
    lines = sorted(
        f"{row.file},{row.malignant},{row.source}/{row.group_id},{hashlib.sha256(row.path.read_bytes()).hexdigest()}"
        for row in guard
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
