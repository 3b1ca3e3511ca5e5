from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.model import warm_up_photo
from nevus.adapters.files import FileStore
from nevus.imaging import decode, to_input
from nevus.measure import Measurer
from nevus.measurement_tensors import from_response, to_response
from nevus.ports import Unprocessable
from nevus.registry import Channel, Registry, RegistryError, Version


async def champion(models: Path) -> Version:
    registry = Registry(FileStore(models))
    return await registry.load(await registry.resolve(Channel.CHAMPION))


@pytest.fixture(scope="module")
def measurer(models_dir: Path) -> Measurer:
    return Measurer(asyncio.run(champion(models_dir)))


def encoded(image: Image.Image, form: str) -> bytes:
    data = io.BytesIO()
    image.save(data, form)
    return data.getvalue()


def test_measures_a_photo(measurer: Measurer) -> None:
    found = measurer.measure(warm_up_photo())
    assert np.isfinite([found.logit, found.ood_score]).all()
    assert found.logit == pytest.approx(found.cam.mean() + measurer.version.manifest.cam_bias, abs=1e-3)
    assert found.embedding.ndim == 1
    assert found.model == measurer.version.ref


def test_pixels_measure_as_the_photo_does(measurer: Measurer) -> None:
    pixels = to_input(decode(warm_up_photo()))
    by_photo, by_bytes = measurer.measure(warm_up_photo()), measurer.measure_pixels(pixels)
    by_floats = measurer.measure_pixels(pixels.astype(np.float32))
    assert by_photo.logit == by_bytes.logit == by_floats.logit
    assert by_photo.quality == by_floats.quality
    assert by_photo.skin_tone == by_floats.skin_tone


@pytest.mark.parametrize("value", [-1.0, 256.0, np.nan, np.inf])
def test_refuses_pixels_that_are_no_rgb(measurer: Measurer, value: float) -> None:
    pixels = np.zeros(measurer.input_shape, dtype=np.float32)
    pixels[3, 3, 1] = value
    with pytest.raises(Unprocessable):
        measurer.measure_pixels(pixels)


def test_refuses_pixels_of_another_shape(measurer: Measurer) -> None:
    with pytest.raises(Unprocessable):
        measurer.measure_pixels(np.zeros((10, 10, 3), dtype=np.uint8))


@pytest.mark.parametrize("form", ["PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "P"])
def test_reads_the_other_forms(measurer: Measurer, form: str, mode: str) -> None:
    photo = Image.open(io.BytesIO(warm_up_photo())).convert(mode)
    assert np.isfinite(measurer.measure(encoded(photo, form)).logit)


@pytest.mark.parametrize("form", ["GIF", "BMP", "TIFF", "EPS"])
def test_refuses_forms_that_intake_does_not_make(measurer: Measurer, form: str) -> None:
    with pytest.raises(Unprocessable):
        measurer.measure(encoded(Image.new("RGB", (300, 300)), form))


def test_refuses_every_truncation(measurer: Measurer) -> None:
    photo = warm_up_photo()
    for length in range(0, len(photo) - 2, 401):
        with pytest.raises(Unprocessable):
            measurer.measure(photo[:length])


def test_the_wire_keeps_a_measurement(measurer: Measurer) -> None:
    found = measurer.measure(warm_up_photo())
    back = from_response(to_response(found))
    assert back.logit == pytest.approx(found.logit)
    assert (back.quality, back.skin_tone, back.model) == (found.quality, found.skin_tone, found.model)
    assert np.array_equal(back.cam, found.cam)
    assert np.array_equal(back.embedding, found.embedding)


def test_a_version_that_is_no_model_is_refused(measurer: Measurer) -> None:
    good = measurer.version
    broken = Version(good.ref, good.manifest, {**good.files, "model.tflite": b"no model"})
    with pytest.raises(RegistryError, match="does not load"):
        Measurer(broken)
