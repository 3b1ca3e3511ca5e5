"""Photos as training reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training_job.compact import CompactPhotos
from training_job.data import Row


def photo(path: Path, size: tuple[int, int]) -> Row:
    noise = np.random.default_rng(1).integers(90, 210, (12, 16, 3)).astype(np.uint8)
    Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC).save(path, quality=95)
    return Row(file=path.name, path=path, malignant=0)


def test_a_large_photo_is_decoded_once_and_then_read_small(tmp_path: Path) -> None:
    row = photo(tmp_path / "large.jpg", (1600, 1200))
    photos = CompactPhotos(tmp_path / "compact", 96)
    first = photos.open(row)
    assert first.size == (192, 144)
    (kept,) = (tmp_path / "compact").iterdir()
    changed = kept.stat().st_mtime_ns
    again = photos.open(row)
    assert kept.stat().st_mtime_ns == changed
    assert np.array_equal(np.asarray(first), np.asarray(again))
    plain = Image.open(row.path).convert("RGB").resize(first.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(first, int) - np.asarray(plain, int)).mean() < 2


def test_a_small_photo_is_read_as_it_is(tmp_path: Path) -> None:
    row = photo(tmp_path / "small.jpg", (200, 150))
    found = CompactPhotos(tmp_path / "compact", 96).open(row)
    assert found.size == (200, 150)
    assert not list((tmp_path / "compact").iterdir())


def test_a_photo_of_too_many_pixels_is_not_decoded(tmp_path: Path) -> None:
    Image.new("L", (10_000, 6_000)).save(tmp_path / "huge.png")
    with pytest.raises(ValueError, match="pixels"):
        CompactPhotos(tmp_path / "compact", 96).open(Row(file="huge.png", path=tmp_path / "huge.png", malignant=0))
