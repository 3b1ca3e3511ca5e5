"""Does the data leak from one split into another? The same lesion or patient, or the same picture in other bytes.

Pictures are found by a perceptual hash of 64 bits (the signs of the lowest DCT coefficients about their median;
Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010) and taken for the same when their
thumbnails agree too. A picture that was turned or cut anew is not found.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nevus.domain import FloatArray
from nevus.machine import cores
from training_job.corrections import SAME, thumbnail
from training_job.data import SPLITS, Row, open_photo, shared_groups
from training_job.progress import steps

GREY, KEPT = 32, 8
NEAR = 20  # differing bits of 64 up to which photos may be the same; unlike ones differ in 32 on average
BLOCK = 256


@dataclass(frozen=True)
class Looks:
    """What n photos look like: `hashes` (n,) of 64 bits and `thumbnails` (n, 768) of mean 0 and length 1."""

    hashes: NDArray[np.uint64]
    thumbnails: FloatArray


def measure(rows: Sequence[Row]) -> dict[str, Any]:
    """How many groups and how many pairs of alike photos stand in two splits; raises OSError."""
    used = [row for row in rows if row.split in SPLITS and not row.leak]
    if len({row.split for row in used}) < 2:
        return {}
    return {"shared_groups": shared_groups(rows), "alike_pairs": len(pairs(used)), "photos": len(used)}


def apart(rows: Sequence[Row]) -> list[Row]:
    """The rows without those to train on that are alike to one to validate or test on, and so on; raises OSError.

    The test split stays as it is: what a version has not seen can be told apart from what it has learned.
    """
    gone = {earlier.file for earlier, _ in pairs([row for row in rows if row.split in SPLITS and not row.leak])}
    return [row for row in rows if row.leak or row.file not in gone]


def pairs(rows: Sequence[Row]) -> list[tuple[Row, Row]]:
    """Alike photos in two splits, that of the earlier split first; raises OSError."""
    splits = [theirs for split in SPLITS if (theirs := [row for row in rows if row.split == split])]
    looks = [look(theirs) for theirs in splits]
    return [
        (splits[a][i], splits[b][j])
        for a, b in combinations(range(len(splits)), 2)
        for i, j in alike(looks[a], looks[b])
    ]


def look(rows: Sequence[Row]) -> Looks:
    """Looks at every photo once; raises OSError."""

    def one(row: Row) -> tuple[np.uint64, FloatArray]:
        photo = open_photo(row)
        step()
        return perceptual_hash(photo), thumbnail(photo)

    with steps("looking for leaks", len(rows)) as step, ThreadPoolExecutor(cores()) as pool:
        hashes, thumbnails = zip(*pool.map(one, rows), strict=True)
    return Looks(np.array(hashes, np.uint64), np.stack(thumbnails))


def cosines() -> FloatArray:
    """(8, 32) the lowest rows of the discrete cosine transform."""
    frequency, place = np.arange(KEPT)[:, None], np.arange(GREY)[None, :]
    return np.cos(np.pi * frequency * (2 * place + 1) / (2 * GREY)).astype(np.float32)


COSINES = cosines()


def perceptual_hash(photo: Image.Image) -> np.uint64:
    """64 bits that stay, all but a few, when a photo is scaled, compressed or brightened."""
    plane = np.asarray(photo.convert("L").resize((GREY, GREY), Image.Resampling.BOX), np.float32)
    lowest = (COSINES @ plane @ COSINES.T).ravel()
    bits = lowest > np.median(lowest[1:])
    return np.uint64(int.from_bytes(np.packbits(bits).tobytes(), "big"))


def alike(some: Looks, others: Looks) -> list[tuple[int, int]]:
    """Which of the one are the same photo as which of the other, by index."""
    return [pair for start in range(0, len(some.hashes), BLOCK) for pair in _alike(some, others, start)]


def _alike(some: Looks, others: Looks, start: int) -> list[tuple[int, int]]:
    bits = np.bitwise_count(some.hashes[start : start + BLOCK, None] ^ others.hashes[None, :])
    correlation = some.thumbnails[start : start + BLOCK] @ others.thumbnails.T
    return [(start + int(i), int(j)) for i, j in np.argwhere((bits <= NEAR) & (correlation > SAME))]
