"""Skin tone on drawn photos: the lesion does not count, and a photo moved to another tone reads as one."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.photos import SKINS, draw_lesion

from nevus.imaging import to_input
from nevus.skin_tone import measure_skin_tone, skin_around, skin_mask, skin_type, typology_angle
from training_job.augment_skin import recolour, shift_skin


def ita(image: Image.Image) -> float:
    found = measure_skin_tone(to_input(image)).ita
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_skins_angle_whatever_the_lesion(seed: int) -> None:
    plain = float(typology_angle(np.array(SKINS[seed], np.float64)))
    photo = draw_lesion(seed=seed)
    assert ita(photo) == pytest.approx(plain, abs=6)
    ImageDraw.Draw(photo).rectangle((0, 0, 600, 130), fill=(60, 35, 30))  # a lesion that reaches over the rim
    assert ita(photo) == pytest.approx(plain, abs=6)


def test_ink_glare_and_a_dark_rim_are_left_out() -> None:
    photo = draw_lesion(seed=1)
    plain = ita(photo)
    pen = ImageDraw.Draw(photo)
    pen.line((0, 20, 600, 20), fill=(60, 40, 150), width=24)
    pen.rectangle((0, 420, 600, 450), fill=(255, 255, 255))
    pen.rectangle((0, 0, 40, 450), fill=(5, 4, 4))
    assert ita(photo) == pytest.approx(plain, abs=2)


def test_without_skin_nothing_is_said() -> None:
    assert measure_skin_tone(to_input(Image.new("RGB", (300, 300), (40, 90, 200)))).ita is None


def test_types_follow_the_angle() -> None:
    assert [skin_type(angle) for angle in (60, 50, 30, 20, 0, -40)] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("target", [-50, -10, 20, 45])
def test_skin_is_moved_to_an_angle(target: float) -> None:
    photo = draw_lesion(seed=1)
    pixels = to_input(photo)
    skin = skin_around(pixels, skin_mask(pixels))
    assert skin is not None
    assert ita(recolour(photo, skin, target)) == pytest.approx(target, abs=6)


def test_the_lesion_keeps_its_contrast_as_a_ratio() -> None:
    photo, rng = draw_lesion(seed=1), np.random.default_rng(3)
    for _ in range(5):
        moved = to_input(shift_skin(photo, None, rng)).astype(float)
        before = to_input(photo).astype(float)
        ratios = [pixels[105:119, 105:119].mean() / pixels[:20].mean() for pixels in (before, moved)]
        assert ratios[1] == pytest.approx(ratios[0], abs=0.12)
    blue = Image.new("RGB", (50, 50), (0, 0, 255))
    assert shift_skin(blue, None, rng) is blue
