"""From drawn photos to a published version that the serving path reads, by the real commands."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import ROOT

PYTHON = ROOT / ".venv/training/bin/python"
WITHOUT_TENSORFLOW = Path(sys.executable)
PLAN = [
    "--steps",
    "2",
    "--head-steps",
    "1",
    "--checkpoint-every",
    "1",
    "--batch-size",
    "4",
    "--seed",
    "3",
    "--side",
    "160",
    "--licence",
    "drawn",
]


def weights_of(models: Path) -> Path:
    (found,) = models.glob("*/versions/*/model.keras")
    return found


def log_of(folder: Path) -> list[dict[str, float]]:
    (log,) = folder.glob(".nevus/training/*/log.jsonl")
    return [json.loads(line) for line in log.read_text().splitlines()]


def told(arguments: list[str], folder: Path, *, python: Path = PYTHON, status: int = 0) -> str:
    """What the command says, once it has ended with that status."""
    command = [str(python), "-m", "training_job", *arguments]
    found = subprocess.run(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert found.returncode == status, found.stdout
    return found.stdout


def killed(arguments: list[str], folder: Path, when: Callable[[str], bool]) -> None:
    """Start the command and kill it as soon as something is so, asked with what it has said."""
    with (folder / "killed.log").open("w") as log:
        job = subprocess.Popen([str(PYTHON), "-m", "training_job", *arguments], cwd=folder, stdout=log, stderr=log)
    try:
        while not when((folder / "killed.log").read_text()):
            assert job.poll() is None, (folder / "killed.log").read_text()
            time.sleep(0.05)
    finally:
        job.kill()
        job.wait()


@pytest.mark.timeout(400)
def test_a_killed_training_goes_on_and_publishes_what_evaluate_reads(
    drawn: Path, models_dir: Path, tmp_path: Path
) -> None:
    arguments = ["train", "--data", str(drawn), "--weights", str(weights_of(models_dir)), "--out", "registry", *PLAN]
    killed(arguments, tmp_path, lambda _: any(log.read_text() for log in tmp_path.glob(".nevus/training/*/log.jsonl")))
    assert not any(tmp_path.glob("registry/*/versions/*"))
    assert "as champion" in told(arguments, tmp_path)
    assert [line["step"] for line in log_of(tmp_path)] == [1, 2, 3]
    (manifest,) = (tmp_path / "registry").glob("*/versions/*/manifest.json")
    assert json.loads(manifest.read_text())["outputs"]["texture"] == "texture"
    arguments = ["evaluate", "--data", str(drawn), "--registry", "registry", "--out", "found/report.json"]
    told(arguments, tmp_path, python=WITHOUT_TENSORFLOW)
    found = json.loads((tmp_path / "found/report.json").read_text())
    assert found["overall"]["n"] == 12
    with (tmp_path / "found/report.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert set(rows[0]) == {"file", "malignant", "probability", "decision", "ood"}
    assert all(0 <= float(row["probability"]) <= 1 for row in rows)


def test_a_manifest_without_its_columns_is_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text("picture\n1.jpg\n")
    said = told(["train", "--data", "bad.csv"], tmp_path, status=1)
    assert "lacks the column file, malignant" in said
    assert "Traceback" not in said
