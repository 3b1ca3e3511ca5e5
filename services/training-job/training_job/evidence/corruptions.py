"""Photos of poorer quality at three severities, by the levels of Hendrycks and Dietterich, ICLR 2019.

Severities 1 to 3 of their five for Gaussian blur, Gaussian noise, JPEG, brightness and pixelation, on the model's own
input as they do it; lengths in pixels are theirs at 224, scaled to the model's side. Their two highest are left out:
nobody takes such photos, and the quality gate sends them back.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from nevus.domain import Decision
from nevus.imaging import to_input
from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered, as_answers
from training_job.evidence.altering import LIMIT, Picture, Rng, answers_to, enough, sample, seeded, view
from training_job.evidence.figures import auroc, called, drawn, mean, share
from training_job.metrics import Answers, rounded

Corruption = Callable[[Image.Image, float, Rng], Image.Image]


def blur(photo: Image.Image, sigma: float, _: Rng) -> Image.Image:
    """Gaussian, by its standard deviation at 224 pixels."""
    return photo.filter(ImageFilter.GaussianBlur(sigma * photo.width / 224))


def noise(photo: Image.Image, spread: float, rng: Rng) -> Image.Image:
    """Gaussian and independent in each channel; the photo's range is 1."""
    pixels = np.asarray(photo, np.float32) + rng.normal(0, 255 * spread, (photo.height, photo.width, 3))
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


def jpeg(photo: Image.Image, quality: float, _: Rng) -> Image.Image:
    """Compressed at a quality of libjpeg's."""
    buffer = io.BytesIO()
    photo.save(buffer, "JPEG", quality=int(quality))
    return Image.open(buffer).convert("RGB")


def brightness(photo: Image.Image, added: float, _: Rng) -> Image.Image:
    """Brighter by a share of the range, hue and saturation kept."""
    hue, saturation, value = photo.convert("HSV").split()
    lifted = value.point([min(255, round(each + 255 * added)) for each in range(256)])
    return Image.merge("HSV", (hue, saturation, lifted)).convert("RGB")


def low_resolution(photo: Image.Image, share: float, _: Rng) -> Image.Image:
    """Only a share of the pixels along each side, shown as squares."""
    small = (max(1, int(photo.width * share)), max(1, int(photo.height * share)))
    return photo.resize(small, Image.Resampling.BOX).resize(photo.size, Image.Resampling.NEAREST)


KINDS: dict[str, tuple[Corruption, tuple[float, float, float]]] = {
    "blur": (blur, (1, 2, 3)),
    "noise": (noise, (0.08, 0.12, 0.18)),
    "jpeg": (jpeg, (25, 18, 15)),
    "brightness": (brightness, (0.1, 0.2, 0.3)),
    "low_resolution": (low_resolution, (0.6, 0.5, 0.4)),
}


def corrupted(row: Row, side: int) -> Iterator[Picture]:
    """Every kind and severity of a photo; names such as `blur/1`."""
    photo = Image.fromarray(to_input(view(row, side), side))
    for kind, (corrupt, levels) in KINDS.items():
        for severity, level in enumerate(levels, start=1):
            name = f"{kind}/{severity}"
            yield name, corrupt(photo, level, seeded(row, name))


def measure(version: Version, answered: Sequence[Answered], limit: int = LIMIT) -> dict[str, Any]:
    """AUROC, sensitivity, specificity and how many are rejected, of the same photos at every kind and severity."""
    chosen = sample(answered, limit)
    if not enough(chosen):
        return {}
    side = version.manifest.input.side
    found = answers_to(version, [each.row for each in chosen], lambda row: corrupted(row, side), "of poorer quality")
    kinds: dict[str, dict[str, Any]] = {}
    for name, theirs in found.items():
        kind, _, severity = name.partition("/")
        kinds.setdefault(kind, {})[severity] = told(as_answers(theirs))
    return {"n": len(chosen), "clean_auroc": drawn(as_answers(chosen), auroc), "kinds": kinds}


def told(answers: Answers) -> dict[str, Any]:
    """The figures at one severity, of the rejected photos too."""
    malignant, positive = answers.labels == 1, called(answers)
    return {
        "auroc": drawn(answers, auroc),
        "rejected": rounded(mean(answers.decisions == Decision.REJECTED.value)),
        "sensitivity": share(positive[malignant], answers.groups[malignant]),
        "specificity": share(~positive[~malignant], answers.groups[~malignant]),
    }
