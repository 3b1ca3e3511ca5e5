"""Shipped weights in 8-bit integers, by the real command: another version of the same network, nothing trained."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.e2e.test_training import told

from nevus.adapters.litert import LitertModel
from nevus.imaging import decode, to_input
from nevus.registry import sha256

SIDE = 96


@pytest.fixture
def registry(tmp_path: Path) -> Path:
    """Of one EfficientNet-Lite0 as champion."""
    source = max((ROOT / "models/efficientnet_lite0/versions").iterdir())
    shutil.copytree(source, tmp_path / "registry" / source.relative_to(ROOT / "models"))
    pointer = {"name": "efficientnet_lite0", "version": source.name}
    pointer["manifest_sha256"] = sha256((source / "manifest.json").read_bytes())
    (tmp_path / "registry/channels").mkdir()
    (tmp_path / "registry/channels/champion.json").write_text(json.dumps(pointer))
    return tmp_path / "registry"


@pytest.mark.timeout(300)
def test_a_version_is_served_in_integers_and_smaller(drawn: Path, registry: Path, tmp_path: Path) -> None:
    how = ["--side", str(SIDE), "--views", "1", "--precision", "int8"]
    assert "as challenger" in told(["export", "--data", str(drawn), "--out", str(registry), *how], tmp_path)
    before, made = sorted(registry.glob("*/versions/*"))
    parent, manifest = (json.loads((folder / "manifest.json").read_text()) for folder in (before, made))
    assert manifest["precision"] == "int8"
    assert (manifest["input"]["side"], manifest["input"]["views"]) == (SIDE, 1)
    assert (manifest["parent"], manifest["metrics"]["training"]) == (before.name, parent["metrics"]["training"])
    assert 1e-4 < manifest["metrics"]["export"]["largest_difference"] <= 0.25
    assert (made / "model.tflite").stat().st_size < 0.65 * (made / "model.keras").stat().st_size
    runtime = LitertModel((made / "model.tflite").read_bytes())
    photos = [to_input(decode(path.read_bytes(), SIDE), SIDE) for path in sorted(drawn.parent.glob("*.jpg"))[:8]]
    assert len({runtime.run(photo).logit for photo in photos}) > 4


def test_a_version_that_is_not_there_is_told(drawn: Path, registry: Path, tmp_path: Path) -> None:
    arguments = ["export", "--data", str(drawn), "--out", str(registry), "--model", "unknown"]
    assert "unknown" in told(arguments, tmp_path, status=1)
