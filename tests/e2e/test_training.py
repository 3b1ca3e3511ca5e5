"""From drawn photos to a published version that the serving path reads, by the real command; killed once on the way."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from tests.conftest import ROOT

PYTHON = ROOT / ".venv/training/bin/python"
PLAN = ["--steps", "4", "--head-steps", "2", "--batch-size", "4", "--seed", "3", "--licence", "drawn"]


def weights_of(models: Path) -> Path:
    (found,) = models.glob("*/versions/*/model.keras")
    return found


def training(arguments: list[str], folder: Path) -> subprocess.Popen[str]:
    command = [str(PYTHON), "-m", "training_job", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.timeout(280)
def test_train_is_killed_resumes_publishes_and_evaluates(drawn: Path, models_dir: Path, tmp_path: Path) -> None:
    arguments = [
        "train",
        "--data",
        str(drawn),
        "--weights",
        str(weights_of(models_dir)),
        "--out",
        "registry",
        *PLAN,
    ]
    first = training(arguments, tmp_path)
    end = time.monotonic() + 120
    while not list(tmp_path.glob(".nevus/training/*/plan.json")) and time.monotonic() < end:
        time.sleep(0.1)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = training(arguments, tmp_path)
    told = second.communicate()[0]
    assert second.returncode == 0, told
    assert "as champion" in told
    third = training(
        ["evaluate", "--data", str(drawn), "--registry", "registry", "--out", "found/report.json"], tmp_path
    )
    told = third.communicate()[0]
    assert third.returncode == 0, told
    found = json.loads((tmp_path / "found/report.json").read_text())
    assert found["overall"]["n"] == 12
    with (tmp_path / "found/report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert set(rows[0]) == {"file", "malignant", "probability", "decision", "ood"}
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)


def test_a_manifest_without_its_columns_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("picture\n1.jpg\n")
    run = training(["train", "--data", "bad.csv"], tmp_path)
    told = run.communicate()[0]
    assert run.returncode == 1
    assert "lacks the column file, malignant" in told
    assert "Traceback" not in told
