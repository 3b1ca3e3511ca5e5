"""The model that ships reaches the data folder whole, once, and never over what is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from seeding import seed_models

CHAMPION = "channels/champion.json"
VERDICT = "verdicts/one-other.json"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    root = tmp_path / "shipped"
    version = root / "lesion/versions/1"
    version.mkdir(parents=True)
    (version / "model.tflite").write_bytes(b"weights")
    (version / "manifest.json").write_text("{}")
    (root / "channels").mkdir()
    (root / CHAMPION).write_text("1")
    (root / "verdicts").mkdir()
    (root / VERDICT).write_text("{}")
    (root / "LICENSE").write_text("terms")
    return root


def test_a_first_start_copies_versions_verdicts_and_channels(shipped: Path, tmp_path: Path) -> None:
    copied = seed_models(shipped, tmp_path / "models", tmp_path / "seed")
    assert copied == ["lesion/versions/1", VERDICT, CHAMPION]
    assert (tmp_path / "models/lesion/versions/1/model.tflite").read_bytes() == b"weights"
    assert not (tmp_path / "seed").exists()
    assert seed_models(shipped, tmp_path / "models", tmp_path / "seed") == []


def test_a_later_start_adds_versions_and_leaves_channels(shipped: Path, tmp_path: Path) -> None:
    models = tmp_path / "models"
    seed_models(shipped, models, tmp_path / "seed")
    (models / CHAMPION).write_text("promoted by hand")
    (shipped / "lesion/versions/2").mkdir()
    (shipped / "lesion/versions/2/manifest.json").write_text("{}")
    assert seed_models(shipped, models, tmp_path / "seed") == ["lesion/versions/2"]
    assert (models / CHAMPION).read_text() == "promoted by hand"


def test_what_an_interrupted_copy_left_is_removed(shipped: Path, tmp_path: Path) -> None:
    (tmp_path / "seed/half").mkdir(parents=True)
    assert seed_models(shipped, tmp_path / "models", tmp_path / "seed")
    assert not (tmp_path / "seed").exists()


def test_nothing_shipped_is_nothing_copied(tmp_path: Path) -> None:
    assert seed_models(tmp_path / "none", tmp_path / "models", tmp_path / "seed") == []
