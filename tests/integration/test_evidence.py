"""The whole evidence of the version that ships, on drawn photos and on a few real ones."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from tests.photos import draw_lesion

from nevus.registry import Version
from training_job import evaluate
from training_job.bootstrap import registry_at
from training_job.data import Row, read_manifest
from training_job.evidence import altering, collect, leaks, ordinary, overlays, unfamiliar
from training_job.finding import find_version
from training_job.report import html
from training_job.settings import Settings

PARTS = {"curves", "operating_points", "overlays", "corruptions", "orientation", "leaks", "ood", "quality_gate", "hard"}


@pytest.fixture(scope="module")
def version(models_dir: Path) -> Version:
    return asyncio.run(find_version("champion", registry_at(str(models_dir), Settings())))


@pytest.fixture(scope="module")
def drawn_rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """8 photos to test on, half of them called malignant, and 4 to train on."""
    folder, rows = tmp_path_factory.mktemp("drawn"), []
    for number in range(12):
        path = folder / f"{number}.jpg"
        draw_lesion((160, 120), number).save(path)
        split = "train" if number >= 8 else "test"
        rows.append(Row(path.name, path, number % 2, source="drawn", group_id=path.stem, split=split))
    return rows


@pytest.mark.timeout(240)
def test_every_part_is_measured_and_can_be_written(
    version: Version, drawn_rows: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(altering, "FEWEST", 4)
    monkeypatch.setattr(ordinary, "NAMES", ordinary.NAMES[:4])
    evaluated, answered = evaluate.run(version, drawn_rows, split="test", shortcuts=False)
    found = collect.run(version, drawn_rows, answered)
    assert set(found) >= PARTS - {"quality_gate"}
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {name: set(severities) for name, severities in found["corruptions"]["kinds"].items()} == {
        name: {"1", "2", "3"} for name in ("blur", "noise", "jpeg", "brightness", "low_resolution")
    }
    assert set(found["overlays"]["kinds"]) == {"ruler", "ink", "hair", "patch", "vignette"}
    assert len(found["orientation"]["by"]) == 7
    assert found["orientation"]["seen"]["value"] >= found["orientation"]["stable"]["value"]
    assert found["ood"]["ordinary"]["n"] == 24
    assert found["leaks"]["photos"] == 12
    shown = html(version.manifest.model_copy(update={"metrics": evaluated | {"evidence": found}}))
    for chart in ("ROC curves", "Reliability curves", "Specificity lost", "Decisions that stay", "AUROC over severity"):
        assert f"<title>{chart}" in shown


def test_with_too_few_photos_parts_are_absent(version: Version, drawn_rows: list[Row]) -> None:
    few = drawn_rows[:6]
    _, answered = evaluate.run(version, few, split="test", shortcuts=False)
    assert set(collect.run(version, few, answered)) == {"curves", "operating_points", "targets", "hard", "seconds"}


@pytest.fixture(scope="module")
def real_rows(real_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """All rows, held ones too."""
    return read_manifest(str(real_manifest), tmp_path_factory.mktemp("cache"), held=True)


def test_real_photos_keep_their_answer_in_good_part(version: Version, real_rows: list[Row]) -> None:
    rows = [row for row in real_rows if row.split == "val" and row.source == "ham10000"]
    few = [row for row in rows if row.malignant][:10] + [row for row in rows if not row.malignant][:14]
    _, answered = evaluate.run(version, few, split="val", shortcuts=False)
    found = overlays.measure(version, answered)
    assert (found["malignant"], found["benign"]) == (10, 14)
    for kind in found["kinds"].values():
        assert abs(kind["auroc_drop"]["value"]) < 0.3
    patches = unfamiliar.skin_patches(version, answered, limit=20)
    assert patches["n"] > 10


def test_pictures_that_the_real_manifest_holds_back_are_found(real_rows: list[Row]) -> None:
    held = [row for row in real_rows if row.split == "held"]
    test = [row for row in real_rows if row.split == "test" and row.source == "ham10000"]
    found = leaks.alike(leaks.look(held), leaks.look(test))
    assert len(found) > 60
    others = [row for row in real_rows if row.split == "val" and row.source != "isic10k"]
    assert not leaks.alike(leaks.look(others), leaks.look(test))
