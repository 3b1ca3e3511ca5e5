"""The drift reference of a version: measured by its own serving path, kept in its statistics, read back."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path

import numpy as np
import pytest
from tests.photos import lesion

from nevus.adapters.files import FileStore
from nevus.domain import Modality
from nevus.drift import Level, shift
from nevus.measure import read_statistics
from nevus.reference import Baseline, read_baseline
from nevus.registry import STATISTICS_FILE, Channel, Registry, Version
from training_job.data import Row
from training_job.reference import with_reference

CLINICAL = Modality.CLINICAL.value
SPLITS = ("train", "val")


@pytest.fixture(scope="module")
def champion(models_dir: Path) -> Version:
    async def load() -> Version:
        registry = Registry(FileStore(models_dir))
        return await registry.load(await registry.resolve(Channel.CHAMPION))

    return asyncio.run(load())


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Of each split four dermoscopic photos and two clinical ones, and one of a source that sets no threshold."""
    folder, found = tmp_path_factory.mktemp("drawn"), []
    for n in range(14):
        path = folder / f"{n}.jpg"
        path.write_bytes(lesion((120, 90), n))
        modality = CLINICAL if n >= 8 else "" if n % 4 else Modality.DERMOSCOPIC.value
        found.append(Row(path.name, path, 0, "isic10k" if n >= 12 else "a", modality, split=SPLITS[n % 2], age="50"))
    return found


@pytest.fixture(scope="module")
def made(champion: Version, rows: list[Row]) -> bytes:
    return with_reference(champion, rows, ("isic10k",), 3)


@pytest.fixture(scope="module")
def baseline(made: bytes) -> Baseline:
    found = read_baseline(made)
    assert found
    return found


def test_pixels_of_both_splits_and_answers_of_validation_are_counted(baseline: Baseline) -> None:
    sizes = {name: (4, 8) if name == "dermoscopic" else (2, 4) for name in ("dermoscopic", CLINICAL)}
    sizes["unstated"] = (6, 12)
    for name, (answers, pixels) in sizes.items():
        group = baseline.reference.groups[name]
        assert sum(group.decisions.values()) == answers
        for measure in ("ood", "direction_1", "direction_3"):
            assert sum(group.measures[measure].counts) == answers
        for measure in ("brightness", "sharpness", "contrast", "skin"):
            assert sum(group.measures[measure].counts) == pixels


def test_other_arrays_stay_and_it_is_small(champion: Version, made: bytes, baseline: Baseline) -> None:
    before = champion.files[STATISTICS_FILE]
    with np.load(io.BytesIO(before)) as old, np.load(io.BytesIO(made)) as new:
        for name in (name for name in old.files if not name.startswith("drift_")):
            assert (old[name] == new[name]).all()
    assert read_statistics(made).residual_scale == read_statistics(before).residual_scale
    assert len(made) - len(before) < 40_000
    assert baseline.directions.shape == (len(baseline.mean), 3)


def test_projections_are_on_the_statistics_own_directions(made: bytes, baseline: Baseline) -> None:
    statistics = read_statistics(made)
    embedding = np.random.default_rng(1).normal(size=statistics.mean.shape).astype(np.float32)
    expected = (embedding - statistics.mean) @ statistics.basis[:, :3]
    assert list(baseline.projections(embedding).values()) == pytest.approx(list(expected), rel=1e-3, abs=1e-3)
    assert baseline.projections(embedding[:8]) == {}


def test_so_few_say_nothing(baseline: Baseline) -> None:
    counts = baseline.reference.groups["unstated"].measures["brightness"].counts
    assert shift("brightness", counts, counts).level is Level.TOO_FEW


def test_the_version_that_was_made_before_has_none(champion: Version) -> None:
    with np.load(io.BytesIO(champion.files[STATISTICS_FILE])) as arrays:
        there = "drift_reference" in arrays
    assert (read_baseline(champion.files[STATISTICS_FILE]) is not None) == there
    buffer = io.BytesIO()
    np.savez_compressed(buffer, mean=np.zeros(3))
    assert read_baseline(buffer.getvalue()) is None
