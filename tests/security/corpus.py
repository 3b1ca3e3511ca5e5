"""Files made to break whoever reads them, each the same for the same seed. None is kept in the repository.

`MARK` stands in every payload that is not a pixel: where it is found again, something was passed on unread.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from PIL import Image
from tests.photos import draw_lesion

MARK = b"<script>nevus-mark-7c1f</script>"
Answer = Literal["clean", "refused", "either"]


@dataclass(frozen=True)
class Case:
    """A file and what may be answered; `either` where a decoder may save the picture or not."""

    name: str
    data: bytes
    answer: Answer = "either"


def encoded(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def photo(seed: int, form: str = "JPEG", **options: object) -> bytes:
    """A small valid one."""
    return encoded(draw_lesion((200, 150), seed), form, **options)


def cuts(data: bytes, points: list[int], rng: random.Random, more: int = 4) -> Iterator[tuple[int, bytes]]:
    """Cut short at each point, beside it, and at a few places between."""
    near = {at + by for at in points for by in (-1, 0, 1)} | {rng.randrange(len(data)) for _ in range(more)}
    for at in sorted(near):
        if 0 <= at < len(data):
            yield at, data[:at]


@cache
def deflated(length: int, byte: bytes = b"\0") -> bytes:
    """Zlib's shortest for so many equal bytes, without holding them."""
    packer, block = zlib.compressobj(9), byte * (1 << 20)
    parts = [packer.compress(block) for _ in range(length >> 20)]
    return b"".join([*parts, packer.flush()])


def archive(seed: int) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(zipfile.ZipInfo("../../" + str(seed)), MARK)
    return data.getvalue()


def exif(entries: list[tuple[int, int, int, int]], *, after: int = 0, tail: bytes = b"") -> bytes:
    """A TIFF block of one directory: tag, type, count, value or offset each; then where the next one is said to be."""
    body = b"".join(struct.pack(">HHII", *entry) for entry in entries)
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", len(entries)) + body + struct.pack(">I", after) + tail


def exifs(size: int) -> dict[str, bytes]:
    """Blocks that lie about themselves; the tails have `size` bytes."""
    tail, many = MARK + bytes(size), min(4000, size // 12)
    short, undefined, pointer = 3, 7, 4
    return {
        "mark": exif([(0x010E, 2, len(MARK), 26)], tail=MARK),
        "loop": exif([(0x0112, short, 1, 0x00060000)], after=8),
        "itself": exif([(0x8769, pointer, 1, 8), (0x8825, pointer, 1, 8)]),
        "overlapping": exif([(number + 1, undefined, size, 8) for number in range(many)], tail=tail),
        "endless": exif([(0x0112, short, 0xFFFFFFFF, 8)]),
        "outside": exif([(0x0112, short, 9, 0xFFFFFFF0)]),
        "orientation 9": exif([(0x0112, short, 1, 0x00090000)]),
        "orientation text": exif([(0x0112, 2, 4, 0x36363600)]),
        "unknown type": exif([(0x0112, 0xFFFF, 1, 6)]),
        "no directory": b"MM\0*\xff\xff\xff\xff",
        "cut": b"II*\0",
    }


def xmp_bomb(levels: int = 12) -> bytes:
    """A billion laughs."""
    names = [f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, levels)]
    told = "".join(["<!DOCTYPE x [<!ENTITY l0 'ha'>", *names, "]>"])
    return f"<?xpacket?>{told}<x:xmpmeta xmlns:x='adobe:ns:meta/'>&l{levels - 1};".encode() + MARK + b"</x:xmpmeta>"


def profiles(size: int) -> dict[str, bytes]:
    """Colour profiles: `size` bytes of nothing, a table of 255**15 points, one that says it is larger than it is."""
    head = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x04300000, b"mntr", b"RGB ", b"XYZ ").ljust(36, b"\0") + b"acsp"
    head = head.ljust(128, b"\0")
    table = b"mft2\0\0\0\0" + bytes((15, 3, 255, 0)) + bytes(40) + MARK
    tags = struct.pack(">I4sII", 1, b"A2B0", 144, len(table))
    many = struct.pack(">I", 0xFFFFFF) + b"rXYZ\0\0\0\x80\xff\xff\xff\xff" * (size // 12)
    return {
        "empty": head + bytes(4) + MARK + bytes(size),
        "table": head + tags + table,
        "tags": head + many,
        "lying": b"\xff\xff\xff\xff" + head[4:] + MARK,
        "noise": random.Random(size).randbytes(min(size, 60_000)) + MARK,
    }
