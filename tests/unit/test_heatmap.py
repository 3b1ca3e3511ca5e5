"""The heat map's colours lie where the model looked, and nowhere else."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from tests.contract.predictions import prediction

from gateway.heatmap import BENIGN, MALIGNANT, draw
from nevus.domain import FloatArray
from nevus.imaging import crop_box

GREY = (128, 128, 128)


def drawn(cam: FloatArray, size: tuple[int, int]) -> Image.Image:
    photo = io.BytesIO()
    Image.new("RGB", size, GREY).save(photo, "JPEG", quality=95)
    record = prediction(cam=cam.astype("<f2").tobytes(), cam_shape=cam.shape)
    return Image.open(io.BytesIO(draw(photo.getvalue(), record)))


def leans_to(image: Image.Image, x: float, y: float) -> str:
    """Which colour a point of the drawing is nearest to."""
    here = np.array(image.getpixel((int(x), int(y))), np.float32)
    colours = {"malignant": MALIGNANT, "benign": BENIGN, "nothing": GREY}
    return min(colours, key=lambda name: float(np.abs(here - np.array(colours[name])).sum()))


@pytest.mark.parametrize("size", [(640, 480), (900, 300), (300, 900)])
def test_the_map_lies_on_the_part_that_the_model_saw(size: tuple[int, int]) -> None:
    cam = np.zeros((8, 8), np.float32)
    cam[:4, :4], cam[4:, 4:] = 3.0, -3.0
    image, (left, top, right, bottom) = drawn(cam, size), crop_box(*size)
    width, height = right - left, bottom - top
    places = {(0.2, 0.2): "malignant", (0.8, 0.8): "benign", (0.8, 0.2): "nothing", (0.2, 0.8): "nothing"}
    for (x, y), wanted in places.items():
        assert leans_to(image, left + x * width, top + y * height) == wanted
    if left:
        assert leans_to(image, left / 2, size[1] / 2) == "nothing"
    if top:
        assert leans_to(image, size[0] / 2, top / 2) == "nothing"


def test_a_flat_map_colours_nothing_and_the_smallest_photo_has_a_legend() -> None:
    image = drawn(np.zeros((7, 7), np.float32), (64, 64))
    assert leans_to(image, 32, 32) == "nothing"
    assert image.height > 64
    assert np.asarray(image)[64:].std() > 5
