"""Valid files with something wrong in them: what fuzzing of the intake sends."""

from __future__ import annotations

import random
import struct
from functools import cache

from hypothesis import strategies as st
from PIL import Image, ImageCms
from tests.photos import draw_lesion
from tests.security.corpus import encoded, exif
from tests.security.corpus_others import HEIC

ODD = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 50_000)


@cache
def valid() -> tuple[bytes, ...]:
    """Small files of every kind that is taken."""
    image, told = draw_lesion((96, 72)), exif([(0x0112, 3, 1, 0x00060000)])
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("XYZ")).tobytes()
    both = {"exif": told, "icc_profile": profile}
    return (
        encoded(image, "JPEG", **both),
        encoded(image, "JPEG", progressive=True, subsampling=0),
        encoded(image.convert("CMYK"), "JPEG"),
        encoded(image, "PNG", **both),
        encoded(image.quantize(16), "PNG", transparency=3),
        encoded(Image.new("I;16", (96, 72), 9000), "PNG"),
        encoded(image, "PNG", save_all=True, append_images=[draw_lesion((96, 72), 1)]),
        encoded(image, "WEBP", **both),
        encoded(image.convert("RGBA"), "WEBP", lossless=True),
        encoded(image, "WEBP", save_all=True, append_images=[draw_lesion((96, 72), 1)]),
        HEIC.read_bytes(),
    )


def mutated(which: int, seed: int, changes: int) -> bytes:
    """One of the valid files after that many changes."""
    rng, data = random.Random(seed), valid()[which]
    for _ in range(changes):
        data = rng.choice(CHANGES)(data, rng)
    return data


def span(data: bytes, rng: random.Random) -> tuple[int, int]:
    """Somewhere in it, mostly near the beginning, where the headers are."""
    at = int(len(data) * rng.random() ** 3)
    return at, min(len(data), at + int(2 ** (rng.random() * 12)))


def flipped(data: bytes, rng: random.Random) -> bytes:
    at, _ = span(data, rng)
    return data[:at] + bytes(byte ^ 1 << rng.randrange(8) for byte in data[at : at + 1]) + data[at + 1 :]


def odd_number(data: bytes, rng: random.Random) -> bytes:
    at, _ = span(data, rng)
    number = struct.pack(rng.choice("<>") + "I", rng.choice(ODD))
    size = rng.choice((1, 2, 4))
    return data[:at] + (number[:size] if rng.random() < 0.5 else number[-size:]) + data[at + size :]


def cut(data: bytes, rng: random.Random) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def without(data: bytes, rng: random.Random) -> bytes:
    begin, end = span(data, rng)
    return data[:begin] + data[end:]


def twice(data: bytes, rng: random.Random) -> bytes:
    begin, end = span(data, rng)
    return data[:end] + data[begin:end] * rng.choice((1, 1, 2, 50)) + data[end:]


def moved(data: bytes, rng: random.Random) -> bytes:
    begin, end = span(data, rng)
    rest, part = data[:begin] + data[end:], data[begin:end]
    at, _ = span(rest, rng)
    return rest[:at] + part + rest[at:]


def spliced(data: bytes, rng: random.Random) -> bytes:
    other = rng.choice(valid())
    begin, end = span(other, rng)
    at, until = span(data, rng)
    return data[:at] + other[begin:end] + data[rng.choice((at, until)) :]


def filled(data: bytes, rng: random.Random) -> bytes:
    begin, end = span(data, rng)
    return data[:begin] + bytes((rng.choice((0, 0xFF, 0x20)),)) * (end - begin) + data[end:]


CHANGES = (flipped, flipped, odd_number, odd_number, cut, without, twice, moved, spliced, filled)
FILES = st.builds(mutated, st.integers(0, 10), st.integers(0, 2**32), st.integers(1, 8)) | st.binary(max_size=400)
