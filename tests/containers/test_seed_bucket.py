"""The buckets of compose.yaml: made once, seeded with the model that ships, never written over."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.emulators import Emulator

from nevus.adapters.gcs import GcsStore
from nevus.registry import Channel, Registry
from seed_bucket import main


@pytest.fixture
def storage(gcs: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs.url)
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", gcs.address)  # only asked whether it answers


@pytest.mark.usefixtures("storage")
def test_a_second_start_finds_everything_there(models_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        main(models_dir, ["seeded-models", "seeded-photos"])
    assert [line.split()[1] for line in capsys.readouterr().out.splitlines()] == ["8", "0"]
    registry = Registry(GcsStore("seeded-models"))
    champion = asyncio.run(registry.resolve(Channel.CHAMPION))
    assert asyncio.run(registry.load(champion)).ref == champion
