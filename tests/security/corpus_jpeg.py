"""JPEG that lies, floods, and is something else as well."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator

from PIL import Image
from tests.photos import draw_lesion
from tests.security.corpus import MARK, Case, archive, cuts, encoded, exifs, photo, profiles, xmp_bomb

START, SCAN, APP1, APP2, COMMENT = b"\xff\xd8", 0xDA, 0xE1, 0xE2, 0xFE
MOST = 65_533  # bytes in one segment


def segment(marker: int, data: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def offsets(data: bytes) -> list[int]:
    """Where the segments begin, up to the first scan's."""
    found, at = [], 2
    while True:
        found.append(at)
        if data[at + 1] == SCAN:
            return found
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def of_kind(data: bytes, markers: frozenset[int]) -> int:
    return next(at for at in offsets(data) if data[at + 1] in markers)


def with_segments(whole: bytes, *segments: bytes) -> bytes:
    return START + b"".join(segments) + whole[2:]


def sized(whole: bytes, width: int, height: int) -> bytes:
    """With another size in its header."""
    at = of_kind(whole, frozenset((0xC0, 0xC1, 0xC2))) + 5
    return whole[:at] + struct.pack(">HH", height, width) + whole[at + 4 :]


def scans(count: int, side: int) -> bytes:
    """A progressive one of side x side that refines nothing, that many times, in a few bytes each."""
    whole = sized(encoded(Image.new("L", (64, 64), 90), "JPEG", progressive=True), side, side)
    last = whole.rfind(bytes((0xFF, SCAN)))
    return whole[:last] + whole[last:-2] * count + whole[-2:]


def icc(profile: bytes) -> list[bytes]:
    size = MOST - 14
    parts = [profile[at : at + size] for at in range(0, len(profile), size)][:255]
    return [segment(APP2, b"ICC_PROFILE\0" + bytes((i + 1, len(parts))) + part) for i, part in enumerate(parts)]


def pictures(count: int) -> bytes:
    """A multi-picture file that says it has `count` pictures."""
    entry = struct.pack(">IIIHH", 0x20030000, 0xFFFFFFFF, 8, 0, 0)
    tail = entry * min(count, 4000)
    table = [(0xB000, 7, 4, 0x30313030), (0xB001, 4, 1, count), (0xB002, 7, len(tail), 50)]
    body = b"".join(struct.pack(">HHII", *each) for each in table)
    return segment(APP2, b"MPF\0MM\0*\0\0\0\x08" + struct.pack(">H", 3) + body + bytes(4) + tail)


def sizes(seed: int) -> Iterator[Case]:
    whole = photo(seed)
    for width, height in ((50_000, 50_000), (65_535, 65_535), (65_535, 800)):
        yield Case(f"jpeg {width}x{height}", sized(whole, width, height), "refused")
    for width, height in ((0, 0), (65_500, 1), (1, 65_500)):
        yield Case(f"jpeg {width}x{height}", sized(whole, width, height), "refused")
    yield Case("jpeg 7000x7000 of nothing", sized(whole, 7000, 7000))
    yield Case("jpeg progressive 7000x7000 of nothing", sized(photo(seed, progressive=True), 7000, 7000))
    yield Case("jpeg 8,000 scans", scans(8000, 4000), "refused")
    yield Case("jpeg 50 scans of 49 megapixels", scans(50, 7000))


def metadata(seed: int, scale: float) -> Iterator[Case]:
    whole = photo(seed)
    for name, block in exifs(65_000).items():
        yield Case(f"jpeg exif {name}", with_segments(whole, segment(APP1, (b"Exif\0\0" + block)[:MOST])), "clean")
    for name, block in profiles(2_000_000).items():
        yield Case(f"jpeg profile {name}", with_segments(whole, *icc(block)))
    xmp = b"http://ns.adobe.com/xap/1.0/\0"
    yield Case("jpeg xmp bomb", with_segments(whole, segment(APP1, xmp + xmp_bomb())), "clean")
    long = segment(APP1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(MOST - 35))
    yield Case("jpeg extended xmp", with_segments(whole, *[long] * int(100 * scale)))
    yield Case("jpeg script in a comment", with_segments(whole, segment(COMMENT, MARK)), "clean")
    yield Case("jpeg a flood of comments", with_segments(whole, segment(COMMENT, b"") * int(2_000_000 * scale)))
    yield Case("jpeg a flood of filling", START + b"\xff" * int(4_000_000 * scale) + whole[2:])
    for count in (2, 1_000_000, 0xFFFFFFFF):
        yield Case(f"jpeg says {count} pictures", with_segments(whole, pictures(count)))


def broken(seed: int) -> Iterator[Case]:
    whole, rng = photo(seed), random.Random(seed)
    starts = offsets(whole)
    for at, data in cuts(whole, [*starts, len(whole) - 2], rng):
        yield Case(f"jpeg cut at {at}", data)
    for at in starts:
        for length in (0, 1, 2, 0xFFFF):
            data = whole[: at + 2] + struct.pack(">H", length) + whole[at + 4 :]
            yield Case(f"jpeg segment {whole[at + 1]:x} at {at} of length {length}", data)
    frame = of_kind(whole, frozenset((0xC0,)))
    for kind in (0xC3, 0xC5, 0xC9, 0xCB, 0xCF):
        yield Case(f"jpeg frame of kind {kind:x}", whole[: frame + 1] + bytes((kind,)) + whole[frame + 2 :])
    for name, by, value in (("precision", 4, 16), ("components", 9, 255), ("sampling", 11, 0xFF), ("sampling", 11, 0)):
        at = frame + by
        yield Case(f"jpeg {name} {value}", whole[:at] + bytes((value,)) + whole[at + 1 :])
    yield Case("jpeg two frames", with_segments(whole, whole[frame : frame + 19]))
    yield Case("jpeg restarts", with_segments(whole, segment(0xDD, b"\0\1")) + b"\xff\xd0\xff\xd7" * 100_000)
    yield Case("jpeg tables of ones", with_segments(whole, segment(0xC4, b"\0" + b"\xff" * 272)))


def polyglots(seed: int) -> Iterator[Case]:
    """Pictures for us; an archive, a page or a program for somebody else."""
    whole = photo(seed)
    yield Case("jpeg and zip", whole + archive(seed) + MARK, "clean")
    yield Case("jpeg and html", whole + b"<!doctype html>" + MARK, "clean")
    yield Case(
        "jpeg with a page in its head", with_segments(whole, segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0" + MARK)), "clean"
    )
    yield Case("jpeg and script", with_segments(whole, segment(COMMENT, b"*/=1;" + MARK + b"/*")) + b"*/", "clean")
    yield Case("jpeg and jpeg", whole + encoded(draw_lesion((64, 64)), "JPEG", comment=MARK), "clean")
    yield Case("jpeg behind a page", b"<!doctype html>" + MARK + whole, "refused")
    yield Case("jpeg behind a gif's head", b"GIF89a" + MARK + whole, "refused")
    yield Case("jpeg behind a heic's head", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + MARK + whole, "refused")
    yield Case("jpeg in a pdf", b"%PDF-1.7\n" + MARK + whole, "refused")


def cases(seed: int, scale: float) -> Iterator[Case]:
    yield from sizes(seed)
    yield from metadata(seed, scale)
    yield from broken(seed)
    yield from polyglots(seed)
