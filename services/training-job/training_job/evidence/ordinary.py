"""Ordinary photographs, none of skin, that the package scikit-image ships: what a triage model must find unfamiliar.

Nothing is downloaded. Drawings, charts and silhouettes among its pictures are left out, as is the second of a pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from PIL import Image

from training_job.data import Row

NAMES = (
    "astronaut.png", "brick.png", "camera.png", "cell.png", "chelsea.png", "clock_motion.png", "coffee.png",
    "coins.png", "grass.png", "gravel.png", "hubble_deep_field.jpg", "ihc.png", "moon.png", "motorcycle_left.png",
    "page.png", "retina.jpg", "rocket.jpg", "text.png",
)  # fmt: skip
PART = 2 / 3
CORNERS = {"whole": None, "centre": (0.5, 0.5), "nw": (0, 0), "ne": (1, 0), "sw": (0, 1), "se": (1, 1)}


def photographs() -> list[Row]:
    """Those that are installed, as rows of which nothing is said; none without the package."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        return []
    folder = Path(spec.origin).parent / "data"
    paths = [folder / name for name in NAMES]
    return [
        Row(file=path.name, path=path, malignant=0, source="ordinary", group_id=path.stem)
        for path in paths
        if path.is_file()
    ]


def crops(photo: Image.Image) -> Iterator[tuple[str, Image.Image]]:
    """The whole photo, its middle and its four corners, two thirds of it wide and high, by name."""
    width, height = round(photo.width * PART), round(photo.height * PART)
    for name, corner in CORNERS.items():
        if corner is None:
            yield name, photo
            continue
        left, top = round((photo.width - width) * corner[0]), round((photo.height - height) * corner[1])
        yield name, photo.crop((left, top, left + width, top + height))
