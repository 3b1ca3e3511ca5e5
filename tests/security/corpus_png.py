"""PNG that lies, floods and unfolds."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from itertools import accumulate

from PIL import Image
from tests.security.corpus import MARK, Case, cuts, deflated, encoded, exifs, photo, profiles, xmp_bomb

SIGNATURE = b"\x89PNG\r\n\x1a\n"
END = (b"IEND", b"")
Chunks = list[tuple[bytes, bytes]]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def joined(chunks: Chunks) -> bytes:
    return SIGNATURE + b"".join(chunk(*each) for each in chunks)


def split(data: bytes) -> Chunks:
    found, at = [], len(SIGNATURE)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        found.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += length + 12
    return found


def header(width: int, height: int, depth: int = 8, colour: int = 2, interlaced: int = 0) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)


def flat(width: int, height: int, colour: int, channels: int, interlaced: int = 0) -> bytes:
    """All black, however large."""
    length = height * (width * channels + 1)
    return joined([header(width, height, 8, colour, interlaced), (b"IDAT", deflated(length + (1 << 20))), END])


def with_chunks(seed: int, more: Chunks) -> bytes:
    """A valid one with more after its header."""
    first, *rest = split(photo(seed, "PNG"))
    return joined([first, *more, *rest])


def chunk_flood(count: int) -> bytes:
    """A valid one after that many empty chunks, which take seconds to walk over when there are a million."""
    whole = photo(0, "PNG")
    cut = len(SIGNATURE) + 25
    return whole[:cut] + chunk(b"zzZz", b"") * count + whole[cut:]


def frames(said: int, held: int) -> bytes:
    """An animation that says it has `said` frames and holds `held`."""
    first, *rest = split(encoded(Image.new("RGB", (64, 64)), "PNG"))
    control = struct.pack(">IIIIHHBB", 64, 64, 0, 0, 1, 1, 0, 0)
    whole = joined([first, (b"acTL", struct.pack(">II", said, 0)), *rest[:-1]])
    one = chunk(b"fcTL", b"\0\0\0\1" + control) + chunk(b"fdAT", b"\0\0\0\2x")
    return whole + one * held + chunk(*END)


def sizes(scale: float) -> Iterator[Case]:
    for width, height in ((50_000, 50_000), (0x7FFFFFFF, 0x7FFFFFFF), (0xFFFFFFFF, 1), (0, 0), (50_000_001, 1)):
        yield Case(
            f"png {width}x{height}", joined([header(width, height), (b"IDAT", zlib.compress(b"")), END]), "refused"
        )
    yield Case("png 50 megapixels of grey", flat(7070, 7070, 0, 1))
    yield Case("png 50 megapixels with alpha", flat(7070, 7070, 6, 4))
    yield Case("png 25 megapixels interlaced", flat(5000, 5000, 2, 3, 1))
    yield Case(
        "png with too many pixels inside",
        joined([header(100, 100), (b"IDAT", deflated(int(max(scale, 0.2) * (300 << 20)))), END]),
    )
    yield Case("png without pixels", joined([header(100, 100), (b"IDAT", b""), END]))
    for depth, colour in ((16, 3), (3, 0), (255, 255), (1, 2)):
        yield Case(f"png depth {depth} colour {colour}", joined([header(100, 100, depth, colour), END]), "refused")


def texts(seed: int, scale: float) -> Iterator[Case]:
    bomb = deflated(int(max(scale, 0.2) * (256 << 20)), b"A")
    yield Case("png ztxt bomb", with_chunks(seed, [(b"zTXt", b"k\0\0" + bomb)]))
    yield Case("png itxt bomb", with_chunks(seed, [(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + bomb)]))
    yield Case("png many texts", with_chunks(seed, [(b"zTXt", b"k\0\0" + deflated(1 << 20))] * 100))
    yield Case("png iccp bomb", with_chunks(seed, [(b"iCCP", b"p\0\0" + bomb)]))
    yield Case("png xmp bomb", with_chunks(seed, [(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp_bomb())]), "clean")
    yield Case("png script in a text", with_chunks(seed, [(b"tEXt", b"Comment\0" + MARK)]), "clean")
    for name, block in exifs(200_000).items():
        yield Case(f"png exif {name}", with_chunks(seed, [(b"eXIf", block)]))
    for name, block in profiles(1_000_000).items():
        yield Case(f"png profile {name}", with_chunks(seed, [(b"iCCP", b"p\0\0" + zlib.compress(block))]))


def broken(seed: int) -> Iterator[Case]:
    whole, rng = photo(seed, "PNG"), random.Random(seed)
    ends = list(accumulate((len(data) + 12 for _, data in split(whole)), initial=len(SIGNATURE)))
    for at, data in cuts(whole, ends, rng):
        yield Case(f"png cut at {at}", data)
    for length in (0, 12, 14, 0x7FFFFFFF, 0xFFFFFFFF):
        yield Case(f"png header of length {length}", whole[:8] + struct.pack(">I", length) + whole[12:], "refused")
    body = ends[1]
    for length in (0, 0x7FFFFFFF, 0xFFFFFFFF):
        yield Case(f"png body of length {length}", whole[:body] + struct.pack(">I", length) + whole[body + 4 :])
    yield Case("png wrong checksum", whole[:29] + bytes(4) + whole[33:], "refused")
    yield Case("png palette of nothing", joined([header(100, 100, 8, 3), (b"PLTE", b""), *split(whole)[1:]]))
    yield Case("png twice", whole + whole, "clean")
    yield Case("png header twice", joined([header(100, 100), header(50_000, 50_000), *split(whole)[1:]]))


def cases(seed: int, scale: float) -> Iterator[Case]:
    yield from sizes(scale)
    yield from texts(seed, scale)
    yield from broken(seed)
    yield Case("png a flood of chunks", chunk_flood(int(1_500_000 * scale)))
    yield Case("png says a million frames", frames(1_000_000, 1), "refused")
    yield Case("png says 4 billion frames", frames(0xFFFFFFFF, 1))
    yield Case("png holds 100,000 frames", frames(100_000, int(100_000 * scale)), "refused")
    yield Case("png holds frames and says one", frames(1, int(100_000 * scale)))
