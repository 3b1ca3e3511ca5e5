"""Comparing by the real command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.e2e.test_training import PYTHON, WITHOUT_TENSORFLOW, told, weights_of

from training_job.benchmark.drawn import drawn_set

PLAN = ["--steps", "1", "--head-steps", "0", "--batch-size", "4", "--latency-rounds", "2", "--out", "c.json"]


@pytest.mark.torture  # two trainings
@pytest.mark.timeout(1800)
def test_a_network_with_two_seeds_is_trained_once_and_compared(tmp_path: Path, models_dir: Path) -> None:
    data = drawn_set(tmp_path / "drawn", {"train": 32, "val": 40, "test": 48})
    start = f"mobilenet_v2={weights_of(models_dir)}"
    taken = ["--model", "champion", "--registry", str(models_dir)]
    trained = ["--backbone", "mobilenet_v2", "--weights", start, "--seeds", "2", "--runs", str(tmp_path / "runs")]
    command = ["compare", "--data", str(data), *taken, *trained, *PLAN]
    told(command, tmp_path, python=PYTHON)
    found = json.loads((tmp_path / "c.json").read_text())
    assert found["seeds"]["mobilenet_v2"]["seeds"] == 2
    assert [model["seed"] for model in found["models"] if model["label"] == "mobilenet_v2"] == [7, 8]
    assert len(found["pairs"]["all"]) == 1
    assert "DeLong" in (tmp_path / "c.html").read_text()
    again = told(command, tmp_path, python=WITHOUT_TENSORFLOW)  # what is trained is found again
    assert "published" not in again


def test_one_model_alone_is_refused(tmp_path: Path) -> None:
    data = drawn_set(tmp_path / "drawn", {"test": 2})
    given = ["--data", str(data), "--registry", str(ROOT / "models"), "--out", "c.json"]
    said = told(["compare", "--model", "champion", *given], tmp_path, python=WITHOUT_TENSORFLOW, status=1)
    assert "fewer than two models" in said
    twice = ["compare", "--model", "champion", "--model", "champion", *given]
    assert "named twice" in told(twice, tmp_path, python=WITHOUT_TENSORFLOW, status=1)
