"""The photos on which a version is most wrong, without anything that leads back to a photo."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training_job.evaluate import Answered

MOST = 20


def measure(answered: Sequence[Answered], most: int = MOST) -> list[dict[str, Any]]:
    """The malignant photos of lowest probability, then the benign ones of highest, numbered as they stand here."""
    malignant = sorted((each for each in answered if each.row.malignant), key=lambda each: each.probability)
    benign = sorted((each for each in answered if not each.row.malignant), key=lambda each: -each.probability)
    return [
        {
            "index": index,
            "source": each.row.source,
            "malignant": each.row.malignant,
            "probability": round(each.probability, 4),
            "decision": each.decision,
        }
        for index, each in enumerate([*malignant[: most // 2], *benign[: most // 2]], start=1)
    ]
