"""The parts of a benchmark: the machine, the meter, the drawn set, the bill, and the page of several runs."""

from __future__ import annotations

import copy
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training_job.benchmark import machine
from training_job.benchmark.bill import bill
from training_job.benchmark.drawn import drawn_set, fingerprint
from training_job.benchmark.report import page
from training_job.benchmark.run import Order, document, seed_report
from training_job.benchmark.sampler import Meter, Sample, thinned
from training_job.benchmark.verdicts import accuracies, times
from training_job.data import read_manifest, refuse_empty_splits
from training_job.evaluate import Answered

BURN = "import time\nend = time.process_time() + 0.4\nwhile time.process_time() < end: pass"


def firmware(root: Path, **names: str) -> Path:
    for name, said in names.items():
        path = root / "sys/class/dmi/id" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(said + "\n")
    return root


def test_the_platform_is_told_by_firmware_and_environment(tmp_path: Path) -> None:
    google = firmware(tmp_path / "g", sys_vendor="Google", product_name="Google Compute Engine")
    amazon = firmware(tmp_path / "a", sys_vendor="Amazon EC2", product_name="m5.large")
    laptop = firmware(tmp_path / "l", sys_vendor="LENOVO", product_name="20XW")
    assert machine.detected(google, {}) == ("Compute Engine", None)
    assert machine.detected(amazon, {}) == ("EC2", "m5.large")
    assert machine.detected(laptop, {}) == ("20XW", None)
    assert machine.detected(google, {"CLOUD_RUN_JOB": "bench"}) == ("Cloud Run job", None)
    assert machine.detected(tmp_path, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == ("container", None)
    assert machine.detected(tmp_path, {}) == ("unknown", None)


def test_a_container_s_limits_count(tmp_path: Path) -> None:
    limits = tmp_path / "sys/fs/cgroup"
    limits.mkdir(parents=True)
    (limits / "cpu.max").write_text("150000 100000\n")
    (limits / "memory.max").write_text("max\n")
    found = machine.facts(tmp_path, {})
    assert (found["core_limit"], found["memory_limit_gib"]) == (1.5, None)
    assert found["cores"] >= 1


def test_the_meter_counts_phases_and_children() -> None:
    with Meter(every=0.05) as meter:
        with meter.phase("child"):
            subprocess.run([sys.executable, "-c", BURN], check=True)
        with meter.phase("idle"):
            time.sleep(0.15)
    assert 0.35 < meter.phases["child"]["cpu"] < 3
    assert meter.phases["child"]["wall"] >= 0.35
    assert meter.phases["idle"]["cpu"] < 0.1
    assert {"child", "idle"} <= {sample.phase for sample in meter.samples}
    assert all(sample.mib > 5 and sample.cores >= 0 for sample in meter.samples)


def test_curves_are_thinned_without_losing_a_peak() -> None:
    samples = [Sample(i / 2, i % 2, 100 + 900 * (i == 777), "train") for i in range(1000)]
    found = thinned(samples, 100)
    assert len(found) == 100
    assert {point[1] for point in found} == {0.5}
    assert max(point[2] for point in found) == 1000


def test_the_drawn_set_is_the_same_each_time_and_can_be_trained_on(tmp_path: Path) -> None:
    sizes = {"train": 6, "val": 4, "test": 4}
    one, two = (drawn_set(tmp_path / name, sizes) for name in ("one", "two"))
    assert fingerprint(one.parent) == fingerprint(two.parent)
    rows = read_manifest(str(one), tmp_path)
    refuse_empty_splits(rows, ())
    assert len(rows) == 14
    before = one.stat().st_mtime_ns
    assert drawn_set(one.parent, sizes).stat().st_mtime_ns == before


def test_cost_needs_a_price_that_is_listed_or_given() -> None:
    unknown = {"machine_type": None, "platform": "laptop"}
    assert bill(None, unknown, 3600) is None
    assert bill(None, unknown | {"machine_type": "x9.huge"}, 3600) is None
    given = bill(0.5, unknown, 7200)
    assert given
    assert given["usd"] == 1.0
    listed = bill(None, unknown | {"machine_type": "m5.large"}, 3600)
    assert listed
    assert listed["usd"] == 0.096
    assert "2026-02-09" in listed["source"]
    task = {"platform": "Cloud Run job", "core_limit": 2.0, "memory_limit_gib": 4.0, "machine_type": None}
    on_cloud_run = bill(None, task, 3600)
    assert on_cloud_run
    assert on_cloud_run["usd"] == pytest.approx(3600 * (2 * 0.000018 + 4 * 0.000002))


@dataclass(frozen=True)
class Plan:
    weights: str = "imagenet"
    steps: int = 3
    head_steps: int = 1
    batch_size: int = 8
    seed: int = 7


@dataclass(frozen=True)
class Outcome:
    plan: Plan
    answered: list[Answered]
    step_seconds: float | None


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of two seeds writes."""
    rows = read_manifest(str(drawn_set(tmp_path_factory.mktemp("d"), {"train": 2, "test": 30})), Path())
    order = Order(rows, "drawn", "pixels", "imagenet", seeds=2, steps=3, head_steps=1, batch_size=8)
    rng, outcomes, seeds = np.random.default_rng(0), [], []
    for seed in (7, 8):
        p = np.clip(np.array([row.malignant for row in rows[2:]]) * 0.4 + rng.uniform(0, 0.6, 30), 0, 1)
        told = [Answered(row, p[i], {"sensitivity_90": 0.5}, "refer", 1.0) for i, row in enumerate(rows[2:])]
        outcome: Any = Outcome(Plan(), told, 0.25)
        phases = {"train": {"wall": 4.0 + seed / 10, "cpu": 7.0}, "evaluate": {"wall": 2.0, "cpu": 3.0}}
        outcomes.append(outcome)
        seeds.append(seed_report(seed, outcome, phases, order))
    with Meter(0.02) as meter, meter.phase("train"):
        time.sleep(0.1)
    return document(order, meter, seeds, outcomes)


def test_a_run_tells_rates_and_figures_over_its_seeds(written: dict[str, Any]) -> None:
    first = written["seeds"][0]
    assert first["images_per_second"] == {"train": round(32 / 4.7, 2), "train_steady": 32.0, "evaluate": 15.0}
    pooled = written["pooled"]
    values = [seed["figures"]["auroc"]["value"] for seed in written["seeds"]]
    assert pooled["auroc"]["value"] == pytest.approx(np.mean(values), abs=1e-4)
    assert pooled["auroc"]["spread"] == pytest.approx(np.std(values, ddof=1), abs=1e-4)
    low, high = pooled["accuracy"]["interval"]
    assert low < pooled["accuracy"]["value"] < high
    assert written["workload"]["synthetic"] is True
    assert written["cost"] is None


def test_runs_are_compared_only_where_they_did_the_same(written: dict[str, Any]) -> None:
    other = copy.deepcopy(written)
    assert [(each.a, each.b) for each in accuracies([("a", written), ("b", other)])] == [
        ("a", "b"),
        ("original, AWS (quoted)", "original, GCP (quoted)"),
    ]
    (same,) = times([("a", written), ("b", other)])
    assert same.told == "no more than noise"
    for seed in other["seeds"]:
        seed["phases"]["train"]["wall"] *= 3
    assert times([("a", written), ("b", other)])[0].told == "more than noise"
    other["workload"]["identity"] = "another"
    assert not times([("a", written), ("b", other)])


def test_the_page_shows_runs_side_by_side_and_quotes_the_original(written: dict[str, Any]) -> None:
    other = copy.deepcopy(written) | {"platform": "<script>alert(1)</script>"}
    text = page([written, other, copy.deepcopy(written)])
    assert "<script" not in text
    assert "http" not in text.replace("http://www.w3.org", "")
    assert f"{written['platform']} (2)" in text
    assert 'class="quoted"' in text
    assert "-1.25" in text
    assert "no more than noise" in text
    assert "say nothing about skin lesions" in text
    assert "did different work" not in text


def test_a_page_of_no_runs_is_refused() -> None:
    with pytest.raises(ValueError, match="benchmark run"):
        page([])
    with pytest.raises(ValueError, match="benchmark run"):
        page([{"overall": 1}])
