"""Evaluating with everything in Cloud Storage: manifest, photos and registry."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from google.cloud.storage import Client
from tests.conftest import ROOT
from tests.emulators import Emulator
from tests.photos import lesion


@pytest.fixture
def settings(gcs: Emulator, models_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Of a process that finds 12 photos in one bucket, two of them named by address, and the model in another."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    client = Client(project="test")
    photos, models = client.create_bucket("evaluated"), client.create_bucket("evaluated-models")
    rows = ["file,malignant,modality,source"]
    for number in range(12):
        photos.blob(f"a/photos/{number}.jpg").upload_from_string(lesion((120, 90), number))
        name = f"gs://evaluated/a/photos/{number}.jpg" if number > 9 else f"photos/{number}.jpg"
        rows.append(f"{name},{number % 2},clinical,drawn")
    photos.blob("a/manifest.csv").upload_from_string("\n".join(rows))
    for path in models_dir.rglob("*"):
        if path.is_file():
            models.blob(path.relative_to(models_dir).as_posix()).upload_from_filename(path)
    client.close()
    packages = os.pathsep.join(map(str, (ROOT / "shared", ROOT / "services/training-job")))
    return {**os.environ, "PYTHONPATH": packages, "DATA_DIR": str(tmp_path), "STORAGE": "gcs"}


def test_what_is_in_buckets_is_evaluated_and_fetched_once(settings: dict[str, str], tmp_path: Path) -> None:
    def evaluate(out: str, **more: str) -> list[dict[str, str]]:
        command = [sys.executable, "-m", "training_job", "evaluate", "--data", "gs://evaluated/a/manifest.csv"]
        subprocess.run([*command, "--out", out], env=settings | more, cwd=tmp_path, check=True, capture_output=True)
        with (tmp_path / out).with_suffix(".csv").open() as file:
            return list(csv.DictReader(file))

    first = evaluate("one.json", MODELS_BUCKET="evaluated-models")
    assert json.loads((tmp_path / "one.json").read_text())["overall"]["n"] == len(first) == 12
    cached = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache/evaluated/a/photos").iterdir()}
    assert len(cached) == 12
    assert evaluate("two.json", MODELS_BUCKET="evaluated-models") == first
    assert {path: path.stat().st_mtime_ns for path in cached} == cached
