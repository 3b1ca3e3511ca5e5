"""Hostile bytes in, a clean JPEG out. Runs in a worker process that may be killed at any moment.

Imports stay light (Pillow, and libheif only for HEIC): two of these processes live beside the gateway.
"""

from __future__ import annotations

import fcntl
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from PIL import (
    Image,
    ImageCms,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

LOCK = "NEVUS_INTAKE_LOCK"  # names the file that all workers lock
MAX_PIXELS = 50_000_000
LARGE_PIXELS = 16_000_000
LONG_SIDE = 1024
MIN_SIDE = 64
QUALITY = 92
READERS = (JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin)  # importing one registers it
FORMATS = ("JPEG", "PNG", "WEBP")
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"msf1", b"hevc", b"hevx")
ORIENTATION = 0x0112
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SRGB = ImageCms.createProfile("sRGB")


class Clean(NamedTuple):
    """A re-encoded photo: JPEG without metadata, upright, sRGB, `width` x `height` pixels."""

    jpeg: bytes
    width: int
    height: int


class Refusal(NamedTuple):
    """Why a photo is refused: a problem type and a sentence."""

    problem: str
    detail: str


class Refused(Exception):
    """Carries a refusal out of the steps below."""

    def __init__(self, problem: str, detail: str) -> None:
        super().__init__(detail)
        self.refusal = Refusal(problem, detail)


def clean(data: bytes) -> Clean | Refusal:
    """Decode, set upright, scale to at most 1024 px and re-encode; whatever is wrong comes back as a refusal."""
    try:
        with opened(data) as image, one_large_at_a_time(image.width * image.height):
            return encode(upright(image))
    except Refused as refused:
        return refused.refusal
    except MemoryError:
        return Refusal("photo-too-many-pixels", "Decoding it takes more memory than a photo may.")
    except Exception:  # noqa: BLE001  # a decoder may fail in any way on hostile bytes; all of them mean the same
        return Refusal("photo-unreadable", "The file is damaged or incomplete.")


def is_heif(data: bytes) -> bool:
    """Whether these are the first bytes of a HEIC file."""
    return data[4:8] == b"ftyp" and any(brand in data[8:64] for brand in HEIF_BRANDS)


@contextmanager
def opened(data: bytes) -> Iterator[Image.Image]:
    """Open by content, not by name, and check what the header says; nothing is decoded yet."""
    formats: tuple[str, ...] = FORMATS
    if is_heif(data):
        import pi_heif  # libheif costs memory that most workers never need

        pi_heif.register_heif_opener(thumbnails=False)
        formats = ("HEIF",)
    try:
        image = Image.open(io.BytesIO(data), formats=formats)
    except UnidentifiedImageError:
        raise Refused("photo-unsupported", "Send a JPEG, PNG, WebP or HEIC photo.") from None
    with image:
        check_header(image)
        yield image


def check_header(image: Image.Image) -> None:
    """Raises Refused for what the header alone rules out."""
    if image.width * image.height > MAX_PIXELS:
        raise Refused("photo-too-many-pixels", f"At most {MAX_PIXELS // 1_000_000} megapixels.")
    if image.format in ("PNG", "WEBP") and getattr(image, "n_frames", 1) > 1:
        raise Refused("photo-animated", "Send a single picture, not an animation.")
    check_size(image)


def check_size(image: Image.Image) -> None:
    """Raises Refused when there is too little to see."""
    if min(image.size) < MIN_SIDE:
        raise Refused("photo-too-small", f"Each side must have at least {MIN_SIDE} pixels, also at 1024 by less.")


@contextmanager
def one_large_at_a_time(pixels: int) -> Iterator[None]:
    """Hold the lock that all workers share while a large photo is decoded; the kernel frees it if this one dies."""
    if pixels <= LARGE_PIXELS:
        yield
        return
    with open(os.environ[LOCK], "rb") as file:  # noqa: PTH123  # pathlib is one more import here
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def upright(image: Image.Image) -> Image.Image:
    """The photo in RGB, at most 1024 px, turned as its camera said."""
    turn = TURNS.get(orientation(image))
    profile = image.info.get("icc_profile")
    small = flat(scaled(image))
    check_size(small)
    small = to_srgb(small, profile)
    return small.transpose(turn) if turn else small


def orientation(image: Image.Image) -> int:
    """EXIF orientation 1 to 8; 1 when there is none that can be read. HEIC is turned by its decoder."""
    with suppress(Exception):
        return int(image.getexif().get(ORIENTATION, 1))
    return 1


def scaled(image: Image.Image) -> Image.Image:
    """At most 1024 px on the long side. A JPEG is decoded at the scale that gives 960 or more."""
    factor = max(image.size) / 960
    if factor > 1:
        image.draft(None, (int(image.width / factor), int(image.height / factor)))
    image.load()
    whole = eight_bits(image)
    factor = max(whole.size) / LONG_SIDE
    if factor <= 1:
        return whole
    size = (max(1, round(whole.width / factor)), max(1, round(whole.height / factor)))
    if whole.mode in ("P", "1"):
        whole = whole.convert("RGBA" if "transparency" in whole.info else "RGB")
    return whole.resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0)


def eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey to 8 bits by its high byte; every other mode has 8 bits already."""
    if image.mode.startswith("I"):
        return image.point(lambda value: value * (1 / 256) + 0.0).convert("L")
    return image


def flat(image: Image.Image) -> Image.Image:
    """RGB, CMYK or L, transparent parts on white."""
    if image.mode in ("P", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode in ("LA", "RGBA", "La", "RGBa"):
        rgba = image.convert("RGBA")
        white = Image.new("RGB", rgba.size, "white")
        white.paste(rgba, mask=rgba.getchannel("A"))
        return white
    return image if image.mode in ("RGB", "CMYK", "L") else image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert from the embedded colour profile; without one, or with an unusable one, as Pillow does."""
    if profile and b"sRGB" not in profile[:1024] and b"s\0R\0G\0B" not in profile[:1024]:
        with suppress(Exception):
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(image, source, SRGB, outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")


def encode(image: Image.Image) -> Clean:
    """JPEG with full colour resolution and nothing but pixels."""
    image.info.clear()
    out = io.BytesIO()
    image.save(out, "JPEG", quality=QUALITY, subsampling="4:4:4", exif=b"", icc_profile=b"", comment=b"")
    return Clean(out.getvalue(), image.width, image.height)
