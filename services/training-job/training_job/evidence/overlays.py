"""Paired overlays: does a ruler, ink, hair, a sticker or a dark rim change what is said of the same photo?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered, as_answers
from training_job.evidence.altering import LIMIT, Picture, answers_to, enough, sample, seeded, view
from training_job.evidence.drawing import KINDS
from training_job.evidence.figures import auroc, drop, sensitivity, specificity


def measure(version: Version, answered: Sequence[Answered], limit: int = LIMIT) -> dict[str, Any]:
    """By how much specificity and sensitivity (at the service's operating point) and AUROC fall under each."""
    chosen = sample(answered, limit)
    if not enough(chosen):
        return {}
    side, before = version.manifest.input.side, as_answers(chosen)

    def overlaid(row: Row) -> Iterator[Picture]:
        photo = view(row, side)
        yield from ((name, draw(photo, seeded(row, name))) for name, draw in KINDS.items())

    found = answers_to(version, [each.row for each in chosen], overlaid, "overlaid")
    malignant = int(before.labels.sum())
    return {
        "n": len(chosen),
        "malignant": malignant,
        "benign": len(chosen) - malignant,
        "kinds": {
            name: {
                "specificity_drop": drop(before, as_answers(theirs), specificity),
                "sensitivity_drop": drop(before, as_answers(theirs), sensitivity),
                "auroc_drop": drop(before, as_answers(theirs), auroc),
            }
            for name, theirs in found.items()
        },
    }
