"""The quality gate: photos that nobody could judge, made from good ones, are sent back, and good ones are not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from PIL import Image, ImageFilter

from nevus.domain import Decision
from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered
from training_job.evidence.altering import LIMIT, Picture, Rng, answers_to, enough, sample, seeded, view
from training_job.evidence.figures import mean
from training_job.metrics import rounded

OUT_OF_FOCUS = 1 / 25  # standard deviation of the blur, of the photo's short side
DARKNESS = 0.08  # share of the light that is left


def blurred(photo: Image.Image, _: Rng) -> Image.Image:
    """Far out of focus."""
    return photo.filter(ImageFilter.GaussianBlur(OUT_OF_FOCUS * min(photo.size)))


def dark(photo: Image.Image, rng: Rng) -> Image.Image:
    """Hardly any light, and the camera's noise."""
    pixels = np.asarray(photo, np.float32) * DARKNESS
    return _image(pixels + rng.normal(0, 1.5, pixels.shape))


def glared(photo: Image.Image, rng: Rng) -> Image.Image:
    """The flash mirrored on half of the photo, blown out in its middle."""
    y, x = np.ogrid[: photo.height, : photo.width]
    centre = np.array([photo.height, photo.width]) * rng.uniform(0.4, 0.6, 2)
    distance = np.hypot(y - centre[0], x - centre[1]) / min(photo.size)
    light = np.clip(1.6 - 2.2 * distance, 0, 1)[..., None]
    return _image(np.asarray(photo, np.float32) * (1 - light) + 255 * light)


def empty(photo: Image.Image, rng: Rng) -> Image.Image:
    """Nothing but the photo's mean colour and the camera's noise."""
    colour = np.asarray(photo, np.float32).mean(axis=(0, 1))
    return _image(colour + rng.normal(0, 1.5, (photo.height, photo.width, 3)))


def _image(pixels: np.ndarray[Any, np.dtype[np.floating[Any]]]) -> Image.Image:
    return Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))


KINDS = {"blurred": blurred, "dark": dark, "glared": glared, "empty": empty}


def measure(version: Version, answered: Sequence[Answered], limit: int = LIMIT) -> dict[str, Any]:
    """Share of all photos that pass as they are, and of those of each kind that are caught."""
    passed = [each for each in answered if each.decision != Decision.REJECTED]
    if not enough(passed):
        return {}
    side, rows = version.manifest.input.side, [each.row for each in sample(passed, limit)]

    def spoilt(row: Row) -> Iterator[Picture]:
        photo = view(row, side)
        yield from ((name, spoil(photo, seeded(row, name))) for name, spoil in KINDS.items())

    found = answers_to(version, rows, spoilt, "unusable")
    good = {"n": len(answered), "passed": rounded(len(passed) / len(answered))}
    return {"good": good} | {name: told(theirs) for name, theirs in found.items()}


def told(answered: Sequence[Answered]) -> dict[str, Any]:
    """How many are rejected."""
    rejected = np.array([each.decision == Decision.REJECTED for each in answered])
    return {"n": len(answered), "caught": rounded(mean(rejected))}
