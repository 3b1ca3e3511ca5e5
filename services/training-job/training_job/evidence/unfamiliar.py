"""Does the service know what it does not know? Ordinary photographs, and skin without a lesion.

AUROC of the OOD score, the answered photos against the others. Skin patches are reported only: they are familiar
skin, and the answer to them is no error of the model, which is asked about lesions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from nevus.domain import Decision
from nevus.registry import Version
from training_job import metrics
from training_job.data import Row, open_mask
from training_job.evaluate import Answered
from training_job.evidence.altering import LIMIT, Picture, answers_to, enough, sample, view
from training_job.evidence.figures import Interval, mean
from training_job.evidence.ordinary import crops, photographs
from training_job.metrics import RESAMPLES, interval, resampled, rounded

CAUGHT = (Decision.REFER.value, Decision.REJECTED.value)
GRID = 9  # places tried along each side
SIDES = (0.6, 0.5, 0.4, 0.3)  # of the short side
RIM = 0.05


def measure(version: Version, answered: Sequence[Answered], limit: int = LIMIT) -> dict[str, Any]:
    """Both, each where there is something to measure."""
    if not enough(answered):
        return {}
    found = {"ordinary": ordinary(version, answered), "skin_patches": skin_patches(version, answered, limit)}
    return {name: part for name, part in found.items() if part}


def ordinary(version: Version, answered: Sequence[Answered]) -> dict[str, Any]:
    """Photographs of other things, each whole and in five parts; `n` counts the parts too."""
    side, rows = version.manifest.input.side, photographs()
    if not rows:
        return {}
    parts = answers_to(version, rows, lambda row: crops(view(row, side)), "ordinary photographs")
    found = list(chain.from_iterable(parts.values()))
    caught = rounded(mean(np.isin([each.decision for each in found], CAUGHT)))
    return {"n": len(found), "photos": len(rows), "auroc": ood_auroc(answered, found), "caught": caught}


def skin_patches(version: Version, answered: Sequence[Answered], limit: int) -> dict[str, Any]:
    """The largest square beside the lesion of each photo that has a mask."""
    side = version.manifest.input.side
    chosen = sample([each for each in answered if each.row.mask], limit)

    def patches(row: Row) -> Iterator[Picture]:
        patch = beside_lesion(row, side)
        if patch:
            yield "patch", patch

    found = answers_to(version, [each.row for each in chosen], patches, "skin beside the lesion").get("patch", [])
    if not found:
        return {}
    routine = rounded(mean(np.array([each.decision == Decision.ROUTINE for each in found])))
    return {"n": len(found), "auroc": ood_auroc(answered, found), "routine": routine}


def ood_auroc(familiar: Sequence[Answered], others: Sequence[Answered]) -> Interval:
    """AUROC of the OOD score; whole lesions, and whole photographs, are drawn for its interval."""
    both = [*familiar, *others]
    labels = np.array([0] * len(familiar) + [1] * len(others))
    scores = np.array([each.ood for each in both])
    groups = np.array([f"{each.row.source}/{each.row.group_id or each.row.file}" for each in both])
    drawn = [metrics.auroc(labels[index], scores[index]) for index in resampled(groups, RESAMPLES, 0)]
    return {"value": rounded(metrics.auroc(labels, scores)), "interval": interval(drawn)}


def beside_lesion(row: Row, side: int) -> Image.Image | None:
    """The largest square without any of the lesion or its rim; None when the lesion leaves no room."""
    photo = view(row, side)
    mask = open_mask(row, photo.size)
    if mask is None:
        return None
    reach = 2 * max(1, round(RIM * min(photo.size))) + 1
    lesion = np.asarray(mask.filter(ImageFilter.MaxFilter(reach))) > 127
    for share in SIDES:
        length = int(share * min(photo.size))
        if corner := free_corner(lesion, length):
            return photo.crop((*corner, corner[0] + length, corner[1] + length))
    return None


def free_corner(lesion: NDArray[np.bool_], length: int) -> tuple[int, int] | None:
    """Left and top of a square on a grid that holds nothing of the lesion."""
    for top in np.linspace(0, lesion.shape[0] - length, GRID).astype(int):
        for left in np.linspace(0, lesion.shape[1] - length, GRID).astype(int):
            if not lesion[top : top + length, left : left + length].any():
                return int(left), int(top)
    return None
