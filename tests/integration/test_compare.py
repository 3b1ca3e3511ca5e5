"""Versions compared on the same photos, and networks that are trained to be compared once and no more."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from nevus.registry import MANIFEST_FILE, parse_manifest
from training_job.benchmark.drawn import drawn_set
from training_job.comparing.candidates import Candidate, trained
from training_job.comparing.compare import Entry, Protocol, compare
from training_job.comparing.page import flat, page
from training_job.data import Row, read_manifest
from training_job.finding import read_folder

METRICS = {
    "training": {"seconds": 1800.0},
    "evidence": {
        "targets": [{"measure": "sensitivity, melanoma", "value": 0.91, "interval": [0.8, 0.95], "n": 40}],
        "overlays": {"n": 60, "kinds": {"ruler": {"specificity_drop": {"value": 0.02, "interval": [0.0, 0.04]}}}},
        "curves": {"drawn": {"roc": [[0, 0], [1, 1]]}},
    },
}
TRAINER = """
import pathlib, shutil, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
log = pathlib.Path(options["--runs"]).parents[2] / "calls"
log.open("a").write(options["--backbone"] + options["--seed"] + " ")
if options["--weights"] == "broken":
    sys.exit(3)
shutil.copytree(sys.argv[1], options["--out"], dirs_exist_ok=True)
"""


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    return read_manifest(str(drawn_set(tmp_path_factory.mktemp("drawn"), {"train": 2, "test": 60})), Path())


@pytest.fixture(scope="module")
def found(models_dir: Path, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The shipped version against itself, read more cautiously."""
    (shipped,) = [path.parent for path in models_dir.glob("mobilenet_v2/versions/*/manifest.json")][:1]
    other = tmp_path_factory.mktemp("other") / "version"
    shutil.copytree(shipped, other)
    manifest = parse_manifest((other / MANIFEST_FILE).read_bytes()).model_dump(mode="json")
    manifest |= {"version": "other", "seeds": {"training": 8}, "metrics": METRICS}
    for constants in manifest["modalities"].values():
        constants["bias"] += 3
    (other / MANIFEST_FILE).write_text(json.dumps(manifest))
    entries = [Entry("shipped", read_folder(shipped)), Entry("other", read_folder(other))]
    protocol = Protocol(latency_rounds=3, resamples=100)
    return json.loads(json.dumps(compare(entries, rows, protocol), allow_nan=False))  # type: ignore[no-any-return]


def test_each_model_is_told_with_all_that_evaluate_gives(found: dict[str, Any]) -> None:
    for model in found["models"]:
        assert model["report"]["overall"]["n"] == 60
        assert {"source", "modality"} <= set(model["report"]["subgroups"])
        assert 0 < model["latency"]["invoke"]["median_ms"] <= model["latency"]["measure"]["p95_ms"] * 2
        assert model["model_mb"] > 4
        assert model["usd_per_million"] > 0
    shipped, other = found["models"]
    assert shipped["training_usd"] is None or shipped["training"]
    assert other["training_usd"] > 0


def test_a_pair_is_told_apart_where_it_differs(found: dict[str, Any]) -> None:
    assert set(found["pairs"]) == {"all"}
    (pair,) = found["pairs"]["all"]
    assert (pair["a"], pair["b"], pair["n"]) == ("shipped", "other", 60)
    assert pair["auroc"] == {"value": 0, "interval": [0, 0], "p": 1}
    assert (pair["delong"]["difference"], pair["delong"]["p"]) == (0, 1)
    assert pair["sensitivity"]["value"] <= 0 <= pair["specificity"]["value"]
    assert pair["specificity"]["value"] - pair["sensitivity"]["value"] > 0.2
    figures = [model["report"]["overall"]["accuracy"]["value"] for model in found["models"]]
    counts = pair["mcnemar_accuracy"]
    assert (counts["only_a"] - counts["only_b"]) / 60 == pytest.approx(figures[0] - figures[1], abs=1e-3)
    assert pair["holm"]["delong"] == 1


def test_the_page_holds_what_the_file_holds(found: dict[str, Any]) -> None:
    text = page(found)
    for told in ("DeLong, z = 0.00", "McNemar", "paired bootstrap", "Cloud Run", "By modality"):
        assert told in text
    assert "<script" not in text
    assert "http" not in text


def test_the_evidence_of_each_stands_side_by_side(found: dict[str, Any]) -> None:
    text = page(found)
    for name in ("sensitivity, melanoma", "overlays, kinds, ruler, specificity drop"):
        assert name in text
    assert "0.910 (0.800 to 0.950)" in text
    assert "as each version" in text
    assert "roc" not in flat(found["models"][1]["evidence"])


def test_seeds_of_one_network_stand_for_their_mean(found: dict[str, Any]) -> None:
    assert {each["seeds"] for each in found["seeds"].values()} == {1}
    assert found["seeds"]["shipped"]["auroc"]["spread"] is None


def test_one_model_is_no_comparison(models_dir: Path, rows: list[Row]) -> None:
    with pytest.raises(ValueError, match="fewer than two"):
        compare([], rows, Protocol())


@pytest.fixture
def trainer(tmp_path: Path, models_dir: Path) -> list[str]:
    """A train command that trains nothing and counts how often it is called."""
    script = tmp_path / "trainer.py"
    script.write_text(TRAINER)
    return [sys.executable, str(script), str(models_dir)]


def test_what_is_trained_is_trained_once(tmp_path: Path, rows: list[Row], trainer: list[str]) -> None:
    runs, options = tmp_path / "runs", ("--steps", "5")
    candidates = [Candidate("m.csv", "mobilenet_v2", "imagenet", seed, options) for seed in (7, 8)]
    first, again = ([trained(each, rows, runs, trainer) for each in candidates] for _ in range(2))
    assert [folder for _, folder in first] == [folder for _, folder in again]
    assert len({folder for _, folder in first}) == 2
    assert first[0][0].manifest.name
    assert (runs / "calls").read_text().split() == ["mobilenet_v27", "mobilenet_v28"]
    longer = Candidate("m.csv", "mobilenet_v2", "imagenet", 7, ("--steps", "6"))
    assert longer.folder(rows, runs) != first[0][1]


def test_a_training_that_fails_is_told_and_tried_again(tmp_path: Path, rows: list[Row], trainer: list[str]) -> None:
    broken = Candidate("m.csv", "mobilenet_v2", "broken", 7)
    for _ in range(2):
        with pytest.raises(RuntimeError, match="mobilenet_v2 with seed 7"):
            trained(broken, rows, tmp_path / "runs", trainer)
    assert len((tmp_path / "runs/calls").read_text().split()) == 2
