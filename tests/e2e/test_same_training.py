"""The same seed twice, and killed in each stage: the same version comes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.test_training import killed, told, weights_of

PLAN = ["--steps", "6", "--head-steps", "2", "--checkpoint-every", "2", "--batch-size", "4", "--seed", "3"]
STAGES = {
    "training": "training ",
    "measuring typical photos": "typical photos",
    "calibrating": "calibration",
    "evaluating": "evaluating",
}
NOISE = 1e-4  # of a probability: sums over threads come in another order


def arguments(drawn: Path, models_dir: Path) -> list[str]:
    return ["train", "--data", str(drawn), "--weights", str(weights_of(models_dir)), "--out", "registry", *PLAN]


def made(folder: Path) -> dict[str, Any]:
    (manifest,) = folder.glob("registry/*/versions/*/manifest.json")
    found: dict[str, Any] = json.loads(manifest.read_text())
    return found


@pytest.fixture(scope="module")
def once(drawn: Path, models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("once")
    told(arguments(drawn, models_dir), folder)
    return made(folder)


def assert_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    for name, figure in one["metrics"]["overall"].items():
        both = [
            each["value"] if isinstance(each, dict) else each for each in (figure, other["metrics"]["overall"][name])
        ]
        assert both[0] == pytest.approx(both[1], abs=100 * NOISE), name
    for modality, constants in one["modalities"].items():
        for name in ("scale", "bias", "malignant_quantile", "benign_quantile"):
            assert constants[name] == pytest.approx(other["modalities"][modality][name], rel=1e-2, abs=NOISE), name
    assert one["metrics"]["training"]["images"] == other["metrics"]["training"]["images"]


@pytest.mark.torture
def test_the_same_seed_gives_the_same_version(
    once: dict[str, Any], drawn: Path, models_dir: Path, tmp_path: Path
) -> None:
    told(arguments(drawn, models_dir), tmp_path)
    assert_same(once, made(tmp_path))


@pytest.mark.torture
@pytest.mark.parametrize("stage", STAGES)
def test_killed_in_a_stage_it_goes_on_to_the_same_version(
    once: dict[str, Any], drawn: Path, models_dir: Path, tmp_path: Path, stage: str
) -> None:
    killed(arguments(drawn, models_dir), tmp_path, lambda said: STAGES[stage] in said)
    told(arguments(drawn, models_dir), tmp_path)
    assert_same(once, made(tmp_path))
