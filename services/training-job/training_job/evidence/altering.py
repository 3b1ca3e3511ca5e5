"""What a version says of pictures made from photos, by the serving path from decoded pixels on."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from PIL import Image

from nevus.imaging import crop_box, decode, to_input
from nevus.measure import Measurer
from nevus.registry import Version
from training_job.data import Row
from training_job.evaluate import Answered, answer, photo_bytes
from training_job.parallel import on_all_cores
from training_job.progress import steps

LIMIT = 500
FEWEST = 10  # photos of each class below which a check says nothing
Picture = tuple[str, Image.Image]
Rng = np.random.Generator


def by_source(answered: Iterable[Answered]) -> dict[str, list[Answered]]:
    """The answers of each source, by its name."""
    found: dict[str, list[Answered]] = {}
    for each in answered:
        found.setdefault(each.row.source, []).append(each)
    return dict(sorted(found.items()))


def sample(answered: Sequence[Answered], limit: int) -> list[Answered]:
    """At most `limit`, the same for every version: as many of each source and class as there are."""
    ranks: Counter[tuple[str, int]] = Counter()
    ranked = []
    for each in sorted(answered, key=lambda each: zlib.crc32(each.row.file.encode())):
        cell = each.row.source, each.row.malignant
        ranked.append((ranks[cell], each))
        ranks[cell] += 1
    return [each for _, each in sorted(ranked, key=lambda pair: pair[0])[:limit]]


def enough(answered: Sequence[Answered]) -> bool:
    """Whether there are photos of both classes to speak of."""
    malignant = sum(each.row.malignant for each in answered)
    return min(malignant, len(answered) - malignant) >= FEWEST


def seeded(row: Row, purpose: str) -> Rng:
    """The same numbers for the same photo and purpose, for every version and on every machine."""
    return np.random.default_rng(zlib.crc32(f"{purpose}/{row.file}".encode()))


def view(row: Row, side: int) -> Image.Image:
    """What the model sees of a photo, its long side at most thrice the model's; raises OSError, ValueError."""
    photo = decode(photo_bytes(row), side)
    photo = photo.crop(crop_box(photo.width, photo.height))
    photo.thumbnail((3 * side, 3 * side), Image.Resampling.BILINEAR)
    return photo


def answers_to(
    version: Version, rows: Sequence[Row], pictures: Callable[[Row], Iterable[Picture]], title: str
) -> dict[str, list[Answered]]:
    """What the version says of the named pictures that are made of each row, by name, in the order of the rows."""
    side = version.manifest.input.side

    def one(measurer: Measurer, row: Row) -> list[tuple[str, Answered]]:
        found = [(name, measurer.measure_pixels(to_input(picture, side))) for name, picture in pictures(row)]
        return [(name, answer(row, measurement, version)) for name, measurement in found]

    answered: dict[str, list[Answered]] = {}
    with steps(title, len(rows)) as step:
        for found in on_all_cores(lambda: Measurer(version), one, rows, step):
            for name, each in found:
                answered.setdefault(name, []).append(each)
    return answered
