"""What comes out of the intake: right colours, right side up, nothing but pixels; and workers that may die."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat
from tests.photos import draw_lesion

from gateway import intake_worker
from gateway.intake import Intake
from gateway.intake_worker import Clean, Refusal, clean
from gateway.metrics import Metrics
from gateway.problems import Problem

Colour = tuple[int, int, int]


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def cleaned(data: bytes) -> Image.Image:
    answer = clean(data)
    assert isinstance(answer, Clean)
    image = Image.open(io.BytesIO(answer.jpeg))
    assert image.mode == "RGB"
    assert image.size == (answer.width, answer.height)
    return image


def colour(image: Image.Image, x: float = 0.5, y: float = 0.5) -> Colour:
    found = image.getpixel((int(image.width * x), int(image.height * y)))
    assert isinstance(found, tuple)
    return (int(found[0]), int(found[1]), int(found[2]))


def near(found: Colour, wanted: Colour, by: int = 6) -> bool:
    return all(abs(a - b) <= by for a, b in zip(found, wanted, strict=True))


HEIC = Path(__file__).parents[1] / "lesion.heic"  # draw_lesion((320, 200), 4), since Pillow writes no HEIC
SKIN = (222, 178, 150)
PLAIN = Image.new("RGB", (200, 150), SKIN)


def half_clear() -> Image.Image:
    image = PLAIN.convert("RGBA")
    image.paste((222, 178, 150, 0), (0, 0, 100, 150))
    return image


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (encoded(PLAIN, "JPEG", quality=95), SKIN),
        (encoded(PLAIN, "PNG"), SKIN),
        (encoded(PLAIN, "WEBP", lossless=True), SKIN),
        (encoded(PLAIN.quantize(), "PNG"), SKIN),
        (encoded(PLAIN.convert("CMYK"), "JPEG", quality=95), SKIN),
        (encoded(Image.new("L", (200, 150), 140), "JPEG"), (140, 140, 140)),
        (encoded(Image.new("1", (200, 150), 1), "PNG"), (255, 255, 255)),
        (encoded(Image.new("I;16", (200, 150), 140 * 256), "PNG"), (140, 140, 140)),
        (encoded(Image.new("I;16", (2000, 1500), 140 * 256), "PNG"), (140, 140, 140)),
        (encoded(Image.new("LA", (200, 150), (140, 255)), "PNG"), (140, 140, 140)),
        (encoded(half_clear(), "PNG"), SKIN),
    ],
    ids=["jpeg", "png", "webp", "palette", "cmyk", "grey", "bilevel", "16-bit", "large 16-bit", "grey alpha", "alpha"],
)
def test_colours_come_out_right(data: bytes, wanted: Colour) -> None:
    assert near(colour(cleaned(data), x=0.75), wanted)


def test_what_is_transparent_is_white() -> None:
    assert near(colour(cleaned(encoded(half_clear(), "PNG")), x=0.2), (255, 255, 255))


def test_a_colour_profile_is_applied() -> None:
    swapped = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    assert isinstance(clean(encoded(PLAIN, "JPEG", icc_profile=swapped)), Clean)
    assert isinstance(clean(encoded(PLAIN, "JPEG", icc_profile=b"no profile")), Clean)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_each_orientation_comes_out_upright(orientation: int) -> None:
    upright, exif = Image.new("RGB", (200, 120), SKIN), Image.Exif()
    upright.paste((60, 40, 30), (0, 0, 60, 40))
    turn = intake_worker.TURNS.get(orientation)
    back = {5: 5, 6: 8, 8: 6}.get(orientation, orientation)
    stored = upright.transpose(intake_worker.TURNS[back]) if turn else upright
    exif[0x0112] = orientation
    image = cleaned(encoded(stored, "JPEG", exif=exif, quality=95))
    assert image.size == (200, 120)
    assert near(colour(image, 0.1, 0.1), (60, 40, 30), by=12)
    assert near(colour(image, 0.9, 0.9), SKIN, by=12)


@pytest.mark.parametrize("size", [(600, 450), (4000, 3000), (1025, 800), (3000, 4000), (2500, 300)])
def test_scaled_to_1024_at_most_with_its_proportions(size: tuple[int, int]) -> None:
    image = cleaned(encoded(Image.new("RGB", size, SKIN), "JPEG"))
    assert max(image.size) <= 1024
    assert max(image.size) >= min(max(size), 960)
    assert image.width / image.height == pytest.approx(size[0] / size[1], rel=0.01)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_is_left(form: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a secret place"
    options: dict[str, object] = {"exif": exif, "icc_profile": ImageCms.ImageCmsProfile(intake_worker.SRGB).tobytes()}
    answer = clean(encoded(PLAIN, form, **options) + b"a secret tail")
    assert isinstance(answer, Clean)
    assert b"secret" not in answer.jpeg
    assert set(Image.open(io.BytesIO(answer.jpeg)).info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


def test_a_strip_is_too_small_once_it_is_scaled() -> None:
    assert clean(encoded(Image.new("RGB", (9000, 70)), "PNG"))[0] == "photo-too-small"


def test_a_broken_heic_is_refused() -> None:
    assert isinstance(clean(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)), Refusal)
    assert isinstance(clean(HEIC.read_bytes()[:2000]), Refusal)


def test_a_real_heic_is_read() -> None:
    image, drawn = cleaned(HEIC.read_bytes()), draw_lesion((320, 200), 4)
    assert image.size == drawn.size
    assert max(ImageStat.Stat(ImageChops.difference(image, drawn)).mean) < 5


@asynccontextmanager
async def door(metrics: Metrics, *, queue: int, patience: float = 10.0) -> AsyncIterator[Intake]:
    """One place, and a queue before it; no worker is started."""
    intake = Intake(metrics, places=1, queue=queue, patience=patience)
    try:
        yield intake
    finally:
        await intake.close()


async def test_places_are_bounded_and_given_back() -> None:
    metrics = Metrics()
    async with door(metrics, queue=0) as intake:
        async with intake.place("anna"):
            with pytest.raises(Problem, match="busy"):
                await intake.place("anna").__aenter__()
        async with intake.place("anna"):
            pass
    assert b'nevus_intake_total{outcome="busy"} 1.0' in metrics.text()


async def test_uploads_wait_their_turn_for_a_place_and_not_for_ever() -> None:
    order: list[int] = []

    async def upload(number: int) -> None:
        async with intake.place("anna"):
            order.append(number)
            await asyncio.sleep(0.01)

    async with door(Metrics(), queue=3) as intake:
        outcomes = await asyncio.gather(*(upload(number) for number in range(5)), return_exceptions=True)
        assert order == [0, 1, 2, 3]
        assert [isinstance(outcome, Problem) for outcome in outcomes] == [False] * 4 + [True]
    async with door(Metrics(), queue=3, patience=0.05) as intake:
        async with intake.place("anna"):
            with pytest.raises(Problem, match="busy"):
                await upload(5)
        await upload(6)


async def test_50_megapixels_fit_or_are_refused_within_the_memory_of_a_worker() -> None:
    large = Image.new("RGB", (8000, 6000), SKIN)
    intake = Intake(Metrics())
    try:
        assert (await intake.clean(encoded(large, "JPEG"))).width == 1000
        with pytest.raises(Problem, match="photo-too-many-pixels"):
            await intake.clean(encoded(Image.new("RGB", (8000, 6300)), "JPEG"))
    finally:
        await intake.close()
