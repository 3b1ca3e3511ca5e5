"""WebP and HEIC that lie; and everything that is no photo of ours, whatever its name says."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from tests.security import corpus_png
from tests.security.corpus import MARK, Case, archive, cuts, deflated, encoded, exifs, photo, profiles, xmp_bomb

HEIC = Path(__file__).parents[1] / "lesion.heic"
RENAMED = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg' onload='x()'>" + MARK + b"</svg>",
    "svg entities": b"<!DOCTYPE svg [<!ENTITY a 'aaaa'>]><svg>&a;" + MARK + b"</svg>",
    "html": b"<!doctype html>" + MARK,
    "pdf": b"%PDF-1.7\n1 0 obj<</JS(app.alert(1))>>endobj\n" + MARK,
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n(%pipe%id) (r) file\n" + MARK,
    "program": b"\x7fELF\x02\x01\x01" + bytes(57) + MARK,
    "script": b"#!/bin/sh\n" + MARK,
    "jpeg 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(100),
    "psd": b"8BPS\0\1" + bytes(6) + struct.pack(">HIIHH", 3, 50_000, 50_000, 8, 3) + bytes(12),
    "icns": b"icns\xff\xff\xff\xff" + b"ic10\xff\xff\xff\xff",
    "ico": b"\0\0\1\0\1\0\0\0\0\0\1\0\x20\0" + struct.pack("<II", 1 << 20, 22) + corpus_png.flat(5000, 5000, 6, 4),
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 99, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 1, 1, 0, 0),
    "fli": struct.pack("<IHHHHHH", 128, 0xAF12, 0xFFFF, 50_000, 50_000, 8, 3) + bytes(112),
    "avif": b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf" + bytes(200),
    "movie": b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom" + bytes(200),
}
NOTHING = {
    "nothing": b"",
    "one zero": b"\0",
    "zeros": bytes(1_000_000),
    "ones": b"\xff" * 1_000_000,
    "jpeg's first bytes": b"\xff\xd8\xff",
    "png's first bytes": corpus_png.SIGNATURE,
    "webp's first bytes": b"RIFF\x0c\0\0\0WEBP",
    "heic's first bytes": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
}


def tiff(entries: list[tuple[int, int, int, int]], after: int = 0) -> bytes:
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries)) + body + struct.pack("<I", after) + MARK


def gif(width: int, height: int, frames: int) -> bytes:
    one = b",\0\0\0\0\1\0\1\0\0\2\2D\1\0"
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + one * frames + b";"


def others(seed: int, scale: float) -> Iterator[Case]:
    for name, data in (RENAMED | NOTHING | {"zip": archive(seed)}).items():
        yield Case(name, data, "refused")
    yield Case("noise", random.Random(seed).randbytes(1_000_000), "refused")
    yield Case("zip bomb", b"PK\3\4" + deflated(64 << 20), "refused")
    yield Case("gif 65535x65535", gif(65_535, 65_535, 1), "refused")
    yield Case("gif of a million frames", gif(64, 64, int(1_000_000 * scale)), "refused")
    side = [(0x100, 4, 1, 50_000), (0x101, 4, 1, 50_000)]
    yield Case("tiff 50000x50000", tiff(side), "refused")
    yield Case("tiff that turns in circles", tiff([*side, (0x8769, 4, 1, 8)], after=8), "refused")
    yield Case(
        "tiff that is deflated", tiff([*side, (0x103, 3, 1, 8), (0x111, 4, 1, 50)]) + deflated(64 << 20), "refused"
    )
    for form in ("GIF", "TIFF", "BMP", "PPM", "TGA", "ICO"):
        yield Case(f"an honest {form.lower()}", encoded(Image.new("RGB", (100, 100)), form), "refused")


def riff(*chunks: tuple[bytes, bytes], said: int | None = None) -> bytes:
    body = b"WEBP" + b"".join(n + struct.pack("<I", len(d)) + d + bytes(len(d) % 2) for n, d in chunks)
    return b"RIFF" + struct.pack("<I", len(body) if said is None else said) + body


def extended(width: int, height: int, flags: int) -> tuple[bytes, bytes]:
    return b"VP8X", struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def webp(seed: int, scale: float) -> Iterator[Case]:
    whole, rng = photo(seed, "WEBP"), random.Random(seed)
    picture = (whole[12:16], whole[20:])
    for width, height in ((1 << 24, 1 << 24), (16_384, 16_384), (50_000, 50_000), (1 << 24, 1)):
        yield Case(f"webp {width}x{height}", riff(extended(width, height, 0), picture), "refused")
    lossless = b"\x2f" + struct.pack("<I", 16_382 | 16_382 << 14) + bytes(100)
    yield Case("webp lossless 16383x16383", riff((b"VP8L", lossless)), "refused")
    yield Case(
        "webp lossy 16383x16383", riff((b"VP8 ", picture[1][:6] + b"\xff\x3f\xff\x3f" + picture[1][10:])), "refused"
    )
    frame = bytes(6) + (63).to_bytes(3, "little") * 2 + bytes(4)
    small = encoded(Image.new("RGB", (64, 64)), "WEBP")
    one = (b"ANMF", frame + small[12:])
    start = (extended(64, 64, 2), (b"ANIM", bytes(6)))
    yield Case("webp of 100,000 frames", riff(*start, *[one] * int(100_000 * scale)), "refused")
    yield Case("webp of 500,000 broken frames", riff(*start, *[(b"ANMF", frame)] * int(500_000 * scale)), "refused")
    for name, flag, chunk, blocks in (
        ("exif", 8, b"EXIF", exifs(200_000)),
        ("profile", 32, b"ICCP", profiles(2_000_000)),
        ("xmp", 4, b"XMP ", {"bomb": xmp_bomb(), "script": MARK}),
    ):
        for kind, block in blocks.items():
            parts = [(chunk, block), picture] if chunk == b"ICCP" else [picture, (chunk, block)]
            yield Case(f"webp {name} {kind}", riff(extended(200, 150, flag), *parts))
    for said in (0, 4, 0xFFFFFFFF):
        yield Case(f"webp of length {said}", riff(picture, said=said))
        yield Case(f"webp picture of length {said}", whole[:16] + struct.pack("<I", said) + whole[20:])
    for at, data in cuts(whole, [0, 12, 16, 20, 30, len(whole) - 1], rng):
        yield Case(f"webp cut at {at}", data, "either")
    yield Case("webp and zip", whole + archive(seed) + MARK, "clean")


def boxes(data: bytes) -> list[int]:
    """Where the outer boxes begin, and those in `meta`."""
    found, at = [], 0
    while at + 8 <= len(data):
        found.append(at)
        length, name = struct.unpack_from(">I4s", data, at)
        at += 12 if name == b"meta" else max(8, length)
    return found


def resized(heic: bytes, width: int, height: int) -> bytes:
    """With another size in its header."""
    at = heic.index(b"ispe") + 8
    return heic[:at] + struct.pack(">II", width, height) + heic[at + 8 :]


def heic(seed: int, scale: float) -> Iterator[Case]:
    whole, rng = HEIC.read_bytes(), random.Random(seed)
    for width, height in ((50_000, 50_000), (0xFFFFFFFF, 0xFFFFFFFF), (0, 0)):
        yield Case(f"heic {width}x{height}", resized(whole, width, height), "refused")
    yield Case("heic 7000x7000", resized(whole, 7000, 7000))
    for at in boxes(whole):
        for length in (0, 1, 7, 0x7FFFFFFF, 0xFFFFFFFF):
            data = whole[:at] + struct.pack(">I", length) + whole[at + 4 :]
            yield Case(f"heic box {whole[at + 4 : at + 8].decode('latin-1')} of length {length}", data)
    for at, data in cuts(whole, boxes(whole), rng):
        yield Case(f"heic cut at {at}", data)
    place = whole.index(b"iloc")
    yield Case("heic that is elsewhere", whole[: place + 8] + b"\xff" * 20 + whole[place + 28 :])
    nested = b"".join(struct.pack(">I4s", 0x100000, b"moov") for _ in range(50_000))
    yield Case("heic of boxes in boxes", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + nested, "refused")
    yield Case(
        "heic a flood of boxes", whole[:24] + struct.pack(">I4s", 8, b"free") * int(500_000 * scale) + whole[24:]
    )
    yield Case("heic and html", whole + MARK)


def cases(seed: int, scale: float) -> Iterator[Case]:
    yield from others(seed, scale)
    yield from webp(seed, scale)
    yield from heic(seed, scale)
