"""A benchmark by the real command: trained, measured and drawn."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.e2e.test_training import PYTHON, WITHOUT_TENSORFLOW, told

from training_job.benchmark.drawn import drawn_set


@pytest.mark.torture  # compiling the training step alone takes half a minute of two cores
@pytest.mark.timeout(900)
def test_a_benchmark_is_run_and_reported(tmp_path: Path) -> None:
    drawn_set(tmp_path / ".nevus/benchmark/drawn", {"train": 24, "val": 16, "test": 16})
    plan = ["--seeds", "2", "--steps", "1", "--head-steps", "0", "--batch-size", "4", "--usd-per-hour", "0.1"]
    told(["benchmark", "run", "--out", "a.json", "--registry", str(ROOT / "models"), *plan], tmp_path, python=PYTHON)
    found = json.loads((tmp_path / "a.json").read_text())
    assert set(found["phases"]) == {"start", "read", "train", "export", "calibrate", "evaluate"}
    assert found["seconds"] == pytest.approx(sum(phase["wall"] for phase in found["phases"].values()), abs=0.1)
    assert [seed["seed"] for seed in found["seeds"]] == [7, 8]
    assert found["cost"]["usd"] > 0
    assert max(sample[2] for sample in found["samples"]) > 300
    told(["benchmark", "report", "a.json", "a.json", "--out", "r.html"], tmp_path, python=WITHOUT_TENSORFLOW)
    assert "no more than noise" in (tmp_path / "r.html").read_text()


def test_a_machine_without_a_price_is_refused_before_anything_runs(tmp_path: Path) -> None:
    said = told(
        ["benchmark", "run", "--out", "a.json", "--machine", "x9.huge"], tmp_path, python=WITHOUT_TENSORFLOW, status=1
    )
    assert "no price of x9.huge" in said
    assert "m5.large" in said


def test_a_report_needs_what_runs_have_written(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    for file, why in (("a.json", "benchmark run"), ("b.json", "there is no b.json")):
        said = told(["benchmark", "report", file, "--out", "r.html"], tmp_path, python=WITHOUT_TENSORFLOW, status=1)
        assert why in said
