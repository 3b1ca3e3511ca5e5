"""Clinicians' diagnoses of photos whose owners agreed to training, as rows to train on."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from nevus.domain import Diagnosis, FloatArray, Prediction
from nevus.machine import cores
from nevus.outcomes import case_of
from nevus.ports import NotFound, PhotoStore, RecordStore
from nevus.registry import sha256
from training_job.data import Origin, Row, diagnoses, open_photo, split_by_group

SOURCE = "corrections"
BOOST = 3.0  # how much oftener one is drawn than a photo of the base
MOST = 0.2  # share of all that is drawn
THUMB = 16
SAME = 0.995  # correlation of thumbnails from which on photos are the same; benchmarks/alike.py measures both sides


async def gather(records: RecordStore, photos: PhotoStore, folder: Path) -> list[Row]:
    """One row for each photo, with its newest diagnosis; the photos go into `folder`, which is there.

    One that was erased meanwhile is left out. Raises Unavailable.
    """
    newest: dict[str, Prediction] = {}
    cursor: str | None = None
    while True:
        page = await records.confirmed(cursor=cursor, limit=200)
        for record in page.items:
            known = newest.get(record.photo.sha256)
            if known is None or _when(record) >= _when(known):
                newest[record.photo.sha256] = record
        cursor = page.cursor
        if cursor is None:
            break
    return [row for record in newest.values() if (row := await _row(record, photos, folder))]


def _when(record: Prediction) -> str:
    return record.diagnosis.confirmed_at.isoformat() if record.diagnosis else ""


async def _row(record: Prediction, photos: PhotoStore, folder: Path) -> Row | None:
    if record.diagnosis is None or not record.consent.training:
        return None
    path = folder / f"{record.photo.sha256}.jpg"
    try:
        path.write_bytes((await photos.get(record.photo.key(record.id))).data)
    except NotFound:
        return None
    said = record.context
    return Row(
        file=f"{SOURCE}/{path.name}",
        path=path,
        malignant=int(record.diagnosis.malignant),
        source=SOURCE,
        modality=said.modality or "",
        group_id=_pseudonym(record.owner, said.case_id) if said.case_id else "",
        age="" if said.age is None else str(said.age),
        sex=said.sex or "",
        site=said.site or "",
        fitzpatrick="" if said.fitzpatrick is None else str(said.fitzpatrick),
        diagnosis=record.diagnosis.label.strip(),
        origin=origin(record, record.diagnosis),
    )


def origin(record: Prediction, diagnosis: Diagnosis) -> Origin:
    """Who said it of which record, and what the model had said. The hash of an id names nobody, and is found again."""
    case = case_of(record)
    return Origin(
        record=sha256(record.id.encode())[:16],
        role=diagnosis.role.value if diagnosis.role else "unknown",
        version=record.model.version if record.model else "none",
        agreed=None if case is None or case.called is None else case.called == diagnosis.malignant,
    )


def provenance(rows: Sequence[Row]) -> dict[str, Any]:
    """What a version's data facts say of the corrections that it has seen; nothing without any."""
    known = [(row, row.origin) for row in rows if row.origin]
    if not known:
        return {}
    told = {
        "photos": len(known),
        "malignant": sum(row.malignant for row, _ in known),
        "by_split": Counter(row.split for row, _ in known),
        "by_diagnosis": Counter(row.diagnosis or "other words" for row, _ in known),
        "confirmed_by": Counter(origin.role for _, origin in known),
        "answered_by": Counter(origin.version for _, origin in known),
        "agreed": Counter({True: "yes", False: "no", None: "unanswered"}[origin.agreed] for _, origin in known),
        "records": sorted(origin.record for _, origin in known),
    }
    return {name: dict(sorted(value.items())) if isinstance(value, Counter) else value for name, value in told.items()}


def _pseudonym(owner: str, case_id: str) -> str:
    """Names a case without naming its owner."""
    return hashlib.sha256(f"{owner}\0{case_id}".encode()).hexdigest()[:16]


def fitted(rows: Sequence[Row], base: Sequence[Row]) -> list[Row]:
    """As they go into training: split by case, with those diagnoses and sites that the base knows too.

    Other words are a person's own, and would stand in the report.
    One without a case is trained on alone: nothing says that its lesion is not in another photo as well.
    """
    labels, sites = set(diagnoses(base)), {row.site for row in base}

    def plain(row: Row) -> Row:
        label, site = row.diagnosis if row.diagnosis in labels else "", row.site if row.site in sites else ""
        return replace(row, diagnosis=label, site=site)

    return [row if row.split else replace(row, split="train") for row in _by_case([plain(row) for row in rows])]


def _by_case(rows: Sequence[Row]) -> list[Row]:
    split = iter(split_by_group([row for row in rows if row.group_id]))
    return [next(split) if row.group_id else row for row in rows]


def joined(rows: Sequence[Row]) -> list[Row]:
    """Those that show the same photo as another become one case, so that no two splits have it. Raises OSError."""
    if not rows:
        return []
    thumbs, found = thumbnails(rows), list(rows)
    for number, thumb in enumerate(thumbs):
        same = [int(i) for i in np.flatnonzero(thumbs @ thumb > SAME) if i > number]
        cases = {found[i].group_id for i in (number, *same)} - {""}
        if same and cases:
            kept = min(cases)
            near = {number, *same} | {i for i, row in enumerate(found) if row.group_id in cases}
            found = [replace(row, group_id=kept) if i in near else row for i, row in enumerate(found)]
    return found


def share(corrections: Sequence[Row], base: Sequence[Row]) -> float:
    """How much of what is drawn in training is theirs, the base having 1 in all."""
    theirs = sum(row.split == "train" for row in corrections)
    others = sum(row.split == "train" for row in base)
    wanted = min(MOST, BOOST * theirs / max(1, theirs + others))
    return wanted / (1 - wanted)


def without_known(rows: Sequence[Row], base: Sequence[Row]) -> list[Row]:
    """Rows whose photo is not in the base, held-out rows included, neither as such nor encoded anew; raises OSError."""
    if not rows:
        return []
    hashes = {hashlib.sha256(row.path.read_bytes()).hexdigest() for row in base}
    others = [row for row in rows if row.path.stem not in hashes]
    if not others:
        return []
    seen = alike(thumbnails(others), thumbnails(base))
    return [row for row, known in zip(others, seen, strict=True) if not known]


def thumbnails(rows: Collection[Row]) -> FloatArray:
    """(n, 768) the thumbnail of each photo; raises OSError."""
    with ThreadPoolExecutor(cores()) as pool:
        return np.stack(list(pool.map(lambda row: thumbnail(open_photo(row)), rows)))


def thumbnail(photo: Image.Image) -> FloatArray:
    """(768,) colours of a photo at 16x16, of mean 0 and length 1."""
    pixels = np.array(photo.resize((THUMB, THUMB), Image.Resampling.BOX), np.float32).ravel()
    pixels -= pixels.mean()
    return np.asarray(pixels / max(float(np.linalg.norm(pixels)), 1e-6), np.float32)


def alike(some: FloatArray, others: FloatArray) -> list[bool]:
    """Whether each of the one is the same photo as any of the other."""
    return [bool((others @ each).max() > SAME) for each in some]
