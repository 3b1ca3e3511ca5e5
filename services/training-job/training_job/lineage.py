"""What a version learned from, without naming a file: hashes that tell whether a guard photo or lesion was among it.

`lineage.npz` of a version holds sorted, truncated, salted hashes of every lesion or patient (`groups`) and of every
photo's bytes (`photos`), and a 256-bit difference hash of every photo (`looks`: the signs of the horizontal gradients
of a 17x16 thumbnail; Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions, 2010). Validation
photos count as well, since thresholds are set on them; so does what the version that it was trained on from knew.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nevus.arrays import arrays_in
from nevus.domain import ModelRef
from nevus.machine import cores
from nevus.registry import Registry, RegistryError
from training_job.data import Row, fingerprint, open_photo

LINEAGE_FILE = "lineage.npz"
LEARNED_FROM = ("train", "val")
ALIKE = 13  # differing bits of 256 up to which two photos look the same; docs/promotion.md tells the measurement
BLOCK = 64
Hashes = NDArray[np.uint64]


@dataclass(frozen=True)
class Lineage:
    """`groups` (g,) and `photos` (p,) sorted, `looks` (p, 4); `complete` when nothing else was learned from."""

    salt: bytes
    groups: Hashes
    photos: Hashes
    looks: Hashes
    complete: bool

    def pack(self) -> bytes:
        """As a file; the same bytes for the same lineage."""
        buffer = io.BytesIO()
        salt = np.frombuffer(self.salt, np.uint8)
        np.savez(buffer, salt=salt, groups=self.groups, photos=self.photos, looks=self.looks, complete=self.complete)
        return buffer.getvalue()


@dataclass(frozen=True)
class Shared:
    """How many guard photos are of a lesion or patient, are the bytes, or have the looks that were learned from."""

    lesions: int
    photos: int
    alike: int


def of(rows: Sequence[Row], before: Lineage | None = None, *, complete: bool = True) -> Lineage:
    """Of a version trained on these rows, on from one with the lineage `before`; raises OSError."""
    learned = [row for row in rows if row.split in LEARNED_FROM]
    salt = before.salt if before else hashlib.sha256(fingerprint(rows).encode()).digest()[:16]
    groups, photos, looks = hashes_of_groups(learned, salt), *hashes_of_photos(learned, salt)
    if before:
        groups, photos = np.concatenate([before.groups, groups]), np.concatenate([before.photos, photos])
        looks, complete = np.concatenate([before.looks, looks]), complete and before.complete
    looks = np.unique(looks, axis=0) if len(looks) else looks
    return Lineage(salt, np.unique(groups), np.unique(photos), looks, complete)


async def inherited(
    registry: Registry, parent: ModelRef | None, weights: str, rows: Sequence[Row]
) -> tuple[Lineage | None, bool]:
    """What the weights at the start have learned from, and whether that is all.

    A `.keras` file comes from some training of which nothing is known. A parent without a lineage has that of `rows`,
    all of the base manifest, when its data's fingerprint is theirs. Raises NotFound, RegistryError, OSError.
    """
    if parent is None:
        return None, not weights.endswith(".keras")
    manifest = await registry.manifest(parent)
    if LINEAGE_FILE in manifest.files:
        return read(await registry.file(parent, LINEAGE_FILE)), True
    return (of(rows), True) if manifest.data.get("fingerprint") == fingerprint(rows) else (None, False)


def read(data: bytes) -> Lineage:
    """Raises RegistryError on a file that is none."""
    try:
        with arrays_in(data) as found:
            arrays = {name: found[name].astype(np.uint64) for name in ("groups", "photos", "looks")}
            lineage = Lineage(found["salt"].tobytes(), complete=bool(found["complete"]), **arrays)
    except (KeyError, OSError, ValueError, TypeError, EOFError, BadZipFile) as error:
        raise RegistryError("the version's lineage cannot be read") from error
    if lineage.looks.ndim != 2 or lineage.looks.shape[1] != 4:
        raise RegistryError("the version's lineage cannot be read")
    return lineage


def shared(lineage: Lineage, guard: Sequence[Row]) -> Shared:
    """What of a guard set was learned from; raises OSError."""
    lesions = np.isin([group_hash(row, lineage.salt) for row in guard], lineage.groups)
    photos, looks = hashes_of_photos(guard, lineage.salt)
    return Shared(int(lesions.sum()), int(np.isin(photos, lineage.photos).sum()), alike(looks, lineage.looks))


def hashes_of_groups(rows: Iterable[Row], salt: bytes) -> Hashes:
    """(n,) of each row's lesion or patient, or of its file where that is not known."""
    return np.array([group_hash(row, salt) for row in rows], np.uint64)


def group_hash(row: Row, salt: bytes) -> int:
    """64 bits."""
    return truncated(salt, f"{row.source}/{row.group_id or row.file}".encode())


def truncated(salt: bytes, data: bytes) -> int:
    """The first 64 bits of a salted SHA-256."""
    return int.from_bytes(hashlib.sha256(salt + data).digest()[:8], "big")


def hashes_of_photos(rows: Sequence[Row], salt: bytes) -> tuple[Hashes, Hashes]:
    """(n,) of each photo's bytes and (n, 4) of its looks; raises OSError."""

    def one(row: Row) -> tuple[int, Hashes]:
        return truncated(salt, row.path.read_bytes()), look(open_photo(row))

    with ThreadPoolExecutor(cores()) as pool:
        found = list(pool.map(one, rows))
    looks = np.array([each for _, each in found], np.uint64).reshape(len(found), 4)
    return np.array([each for each, _ in found], np.uint64), looks


def look(photo: Image.Image) -> Hashes:
    """(4,) 256 bits that stay, all but a few, when a photo is scaled, compressed or brightened."""
    plane = np.asarray(photo.convert("L").resize((17, 16), Image.Resampling.BOX), np.int16)
    return np.packbits(plane[:, :-1] > plane[:, 1:]).view(np.uint64)


def alike(some: Hashes, others: Hashes) -> int:
    """How many of `some` (n, 4) differ in a few bits only from any of `others` (m, 4)."""
    found = 0
    for start in range(0, len(some) if len(others) else 0, BLOCK):
        differing = np.bitwise_count(some[start : start + BLOCK, None, :] ^ others[None, :, :]).sum(axis=2)
        found += int((differing.min(axis=1) <= ALIKE).sum())
    return found
