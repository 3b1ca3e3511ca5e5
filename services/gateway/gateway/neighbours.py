"""Confirmed photos that look alike to the model: by the cosine of their embeddings, among the newest diagnoses.

Held in memory, at most MOST of them, and read anew when older than KEPT, so that both kinds of store need no index for
it. Only photos of the same model version are compared: another version's embeddings are another space. Whatever is
shown is read again first, so that nothing erased or taken back is.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import numpy as np

from nevus.domain import FloatArray, ModelRef, Prediction
from nevus.ports import Gone, NotFound, RecordStore

MOST, PAGE = 1000, 100
KEPT = 60.0  # seconds
SHOWN = 6


@dataclass(frozen=True)
class Known:
    """What is held of a confirmed photo; `direction` (d,) has the length 1."""

    id: str
    lesion: tuple[str, str | None]
    model: ModelRef
    direction: FloatArray


@dataclass(frozen=True)
class Similar:
    """A confirmed photo, and how alike it is: 1 for the same embedding."""

    record: Prediction
    cosine: float


class Neighbours:
    """One gateway's memory of confirmed photos."""

    def __init__(self) -> None:
        self._known: list[Known] = []
        self._read_at = float("-inf")
        self._lock = asyncio.Lock()

    async def of(self, records: RecordStore, record: Prediction) -> tuple[Similar, ...]:
        """The most alike first, none of the same lesion; empty for a photo that was not assessed. Raises PortError."""
        own = known(record)
        if own is None:
            return ()
        async with self._lock:
            if time.monotonic() - self._read_at > KEPT:
                self._known = await newest(records)
                self._read_at = time.monotonic()
        near = nearest(own, self._known)
        found = await asyncio.gather(*(still(records, name) for name, _ in near))
        return tuple(Similar(each, cosine) for each, (_, cosine) in zip(found, near, strict=True) if each)

    def learn(self, record: Prediction) -> None:
        """Take in a diagnosis that was just made here, so that it is found at once."""
        if entry := known(record):
            self._known = [entry, *(each for each in self._known if each.id != record.id)][:MOST]


def known(record: Prediction) -> Known | None:
    """None for a photo without an embedding."""
    embedding = np.frombuffer(record.embedding, "<f2").astype(np.float32)
    length = float(np.linalg.norm(embedding)) if embedding.size else 0.0
    if record.model is None or not np.isfinite(length) or length == 0:
        return None
    lesion = (record.owner, record.context.case_id)
    return Known(record.id, lesion, record.model, np.asarray(embedding / length, np.float32))


async def newest(records: RecordStore) -> list[Known]:
    """Of those with a diagnosis; the newest photos, MOST at most."""
    held: list[Known] = []
    cursor = None
    for _ in range(MOST // PAGE):
        page = await records.diagnosed(cursor=cursor, limit=PAGE)
        held += [each for each in map(known, page.items) if each]
        cursor = page.cursor
        if cursor is None:
            break
    return held


def nearest(own: Known, others: list[Known]) -> list[tuple[str, float]]:
    """Ids and cosines, the most alike first."""
    same_lesion = own.lesion if own.lesion[1] else None
    fitting = [
        each
        for each in others
        if each.model == own.model
        and each.id != own.id
        and each.lesion != same_lesion
        and each.direction.shape == own.direction.shape
    ]
    if not fitting:
        return []
    cosines = np.stack([each.direction for each in fitting]) @ own.direction
    best = np.argsort(-cosines, kind="stable")[:SHOWN]
    return [(fitting[at].id, float(cosines[at])) for at in best]


async def still(records: RecordStore, record_id: str) -> Prediction | None:
    """The record as it is now, if it is there and has its diagnosis."""
    try:
        record = await records.get(record_id)
    except (NotFound, Gone):
        return None
    return record if record.diagnosis else None
