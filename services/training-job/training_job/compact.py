"""Large photos decoded once: what training reads again and again is a small JPEG of each.

A 12-megapixel photo takes 23 ms to decode at reduced scale, its small one about 1 ms. Small photos are read as they
are. The small one is what is used from the first time on, so that a run that goes on after an interruption sees the
same pixels.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from threading import get_ident

from PIL import Image

from nevus.imaging import MAX_PIXELS
from training_job.data import Row

LARGE, KEPT = 2.0, 1.5  # short sides, relative to the model's input: from which on a photo is large, and what is kept
QUALITY = 95


class CompactPhotos:
    """Photos as training reads them; small ones of large photos are kept in a folder."""

    def __init__(self, folder: Path, side: int) -> None:
        self._folder, self._side = folder, side
        folder.mkdir(parents=True, exist_ok=True)

    def open(self, row: Row) -> Image.Image:
        """RGB, with a short side of at most twice the model's input; raises OSError, ValueError on one too large."""
        kept = self._folder / f"{hashlib.sha256(str(row.path).encode()).hexdigest()[:32]}.jpg"
        with Image.open(row.path) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(f"{row.file} has more than {MAX_PIXELS} pixels")
            if min(image.size) <= LARGE * self._side:
                return image.convert("RGB")
            if not kept.exists():
                self._keep(image, kept)
        with Image.open(kept) as image:
            return image.convert("RGB")

    def _keep(self, image: Image.Image, kept: Path) -> None:
        scale = KEPT * self._side / min(image.size)
        size = round(image.width * scale), round(image.height * scale)
        image.draft("RGB", size)
        unfinished = kept.with_suffix(f".{get_ident()}")
        small = image.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
        small.save(unfinished, "JPEG", quality=QUALITY, subsampling=0)
        unfinished.replace(kept)
