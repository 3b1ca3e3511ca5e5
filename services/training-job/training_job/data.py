"""The manifest of photos: reading it, splitting it by lesion or patient, and drawing balanced training samples."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from nevus.adapters.places import folder_of, place
from nevus.domain import Context, Modality
from nevus.ports import NotFound
from training_job.fetch import local_path

SPLITS = ("train", "val", "test")
REQUIRED = ("file", "malignant")
SUBGROUPS = ("source", "modality", "age_band", "sex", "site", "fitzpatrick", "diagnosis")


class ManifestError(ValueError):
    """The CSV lacks a column, or a row cannot be read."""


@dataclass(frozen=True)
class Origin:
    """Where a clinician's diagnosis came from: `record` is a hash of its id, `agreed` whether the model had said so."""

    record: str
    role: str
    version: str
    agreed: bool | None


@dataclass(frozen=True)
class Row:
    """One photo. Empty strings mean not recorded."""

    file: str
    path: Path
    malignant: int
    source: str = "unnamed"
    modality: str = ""
    group_id: str = ""
    split: str = ""
    leak: bool = False
    age: str = ""
    sex: str = ""
    site: str = ""
    fitzpatrick: str = ""
    diagnosis: str = ""
    mask: Path | None = None
    origin: Origin | None = None

    @property
    def age_band(self) -> str:
        """Bands of twenty years."""
        return "" if not self.age else f"{int(float(self.age)) // 20 * 20}+"

    @property
    def context(self) -> Context:
        """What a caller would have said about the photo."""
        return context_of(vars(self))


def context_of(record: Mapping[str, str]) -> Context:
    """What a manifest's columns say of a photo; raises ValueError on what cannot be."""
    found = {name: record.get(name) or None for name in ("modality", "age", "site", "fitzpatrick")}
    return Context(
        modality=Modality(found["modality"]) if found["modality"] else None,
        age=int(float(found["age"])) if found["age"] else None,
        site=found["site"] and found["site"][:60],
        fitzpatrick=int(found["fitzpatrick"]) if found["fitzpatrick"] else None,
    )


COLUMNS = frozenset(Row.__dataclass_fields__) - {"path", "origin"}


@contextmanager
def open_manifest(manifest: str, required: Sequence[str]) -> Iterator[Iterator[dict[str, str]]]:
    """Its records as they are read from a path or a `gs://` address; raises ManifestError, Unavailable."""
    name = manifest.rpartition("/")[2]
    try:
        with place(manifest).reading() as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
            reader = csv.DictReader(text)
            missing = set(required) - set(reader.fieldnames or ())
            if missing:
                raise ManifestError(f"{name} lacks the column {', '.join(sorted(missing))}")
            yield reader
    except NotFound as error:
        raise ManifestError(f"there is no manifest {name}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise ManifestError(f"{name} is not a CSV file in UTF-8") from error


def read_manifest(manifest: str, cache: Path, *, held: bool = False) -> list[Row]:
    """All usable rows; those held out of everything only when asked for. What is in Cloud Storage is not fetched yet.

    Raises ManifestError, Unavailable.
    """
    with open_manifest(manifest, REQUIRED) as records:
        rows = [_row(record, folder_of(manifest), cache, line) for line, record in enumerate(records, start=2)]
    rows = [row for row in rows if held or row.split != "held"]
    if not rows:
        raise ManifestError(f"{manifest.rpartition('/')[2]} has no rows")
    return rows


def _row(record: dict[str, str], folder: str, cache: Path, line: int) -> Row:
    given = {key: value.strip() for key, value in record.items() if key in COLUMNS and value}
    malignant, leak, mask = given.pop("malignant", ""), given.pop("leak", "") == "1", given.pop("mask", "")
    if malignant not in ("0", "1") or "file" not in given:
        raise ManifestError(f"line {line}: `malignant` must be 0 or 1 and `file` a path")
    if given.get("modality") and given["modality"] not in list(Modality):
        raise ManifestError(f"line {line}: unknown modality {given['modality']!r}")
    if given.get("split") and given["split"] not in (*SPLITS, "held"):
        raise ManifestError(f"line {line}: unknown split {given['split']!r}")
    row = Row(
        path=local_path(folder, given["file"], cache),
        malignant=int(malignant),
        leak=leak,
        mask=local_path(folder, mask, cache) if mask else None,
        origin=None,
        **given,
    )
    try:
        _ = row.context
    except ValueError as error:
        raise ManifestError(f"line {line}: `age`, `site` or `fitzpatrick` cannot be") from error
    return row


def split_by_group(rows: Sequence[Row]) -> list[Row]:
    """Give rows without a split one by a hash of their lesion or patient: 80 % train, 10 % val, 10 % test."""

    def chosen(row: Row) -> str:
        digest = hashlib.sha256((row.source + "/" + (row.group_id or row.file)).encode()).digest()
        share = int.from_bytes(digest[:4], "big") / 2**32
        return "train" if share < 0.8 else "val" if share < 0.9 else "test"

    return [row if row.split else replace(row, split=chosen(row)) for row in rows]


def shared_groups(rows: Iterable[Row]) -> int:
    """How many lesions or patients stand in more than one split: 0, or the split leaks.

    Rows that their manifest marks as leaking are left out here as they are in evaluation.
    """
    splits: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        if row.group_id and not row.leak:
            splits.setdefault((row.source, row.group_id), set()).add(row.split)
    return sum(len(found) > 1 for found in splits.values())


def refuse_shared_groups(rows: Iterable[Row]) -> None:
    """Raises ManifestError when a lesion or patient stands in more than one split."""
    if shared := shared_groups(rows):
        raise ManifestError(f"{shared} lesions or patients stand in more than one split")


def refuse_empty_splits(rows: Sequence[Row], uncalibrated: Sequence[str]) -> None:
    """Raises ManifestError unless both classes are trained on and set thresholds, and something is tested."""
    calibrating = [row for row in rows if row.split == "val" and row.source not in uncalibrated]
    for name, used in (("train", [row for row in rows if row.split == "train"]), ("val", calibrating)):
        if len({row.malignant for row in used}) < 2:
            raise ManifestError(f"the split {name} lacks malignant or benign photos")
    if not any(row.split == "test" and not row.leak for row in rows):
        raise ManifestError("the split test has no photos")


def paths(rows: Iterable[Row]) -> Iterator[Path]:
    """Of their photos and masks."""
    for row in rows:
        yield row.path
        if row.mask:
            yield row.mask


def fingerprint(rows: Iterable[Row]) -> str:
    """Hex digest of which photos, labels and splits a run has used."""
    lines = sorted(f"{row.file},{row.malignant},{row.split}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def sampling_weights(rows: Sequence[Row], shares: dict[str, float]) -> NDArray[np.float64]:
    """Probability of each row: its source's share (1 if not named), halved between the source's classes."""
    cells = Counter((row.source, row.malignant) for row in rows)
    weights = np.array([shares.get(row.source, 1.0) / cells[row.source, row.malignant] for row in rows])
    return np.asarray(weights / weights.sum())


def diagnoses(rows: Iterable[Row]) -> tuple[str, ...]:
    """The recorded diagnoses, sorted."""
    return tuple(sorted({row.diagnosis for row in rows if row.diagnosis}))


def open_photo(row: Row) -> Image.Image:
    """Decode a row's photo to RGB; raises OSError."""
    with Image.open(row.path) as image:
        return image.convert("RGB")


def open_mask(row: Row, size: tuple[int, int]) -> Image.Image | None:
    """The lesion mask at a photo's size (width, height); a mask of a wider frame is cropped to its centre."""
    if row.mask is None:
        return None
    with Image.open(row.mask) as image:
        mask = image.convert("L")
    width, height = size
    seen_width = min(mask.width, round(mask.height * width / height))
    seen_height = min(mask.height, round(mask.width * height / width))
    left, top = (mask.width - seen_width) // 2, (mask.height - seen_height) // 2
    return mask.resize(size, Image.Resampling.NEAREST, box=(left, top, left + seen_width, top + seen_height))
