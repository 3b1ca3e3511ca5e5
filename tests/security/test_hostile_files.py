"""Files made to break decoders pour in: each is answered, nothing dies or grows, and nothing but pixels is kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference
from tests.security.corpus import MARK
from tests.security.hostile_files import GROWTH, Storm, cases, only_pixels, resident

WARM_UP = 20  # photos, before memory is looked at


@pytest.fixture(scope="module")
def nevus(models_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("storm")
    with inference(models_dir, folder) as model, gateway(models_dir, folder, model.url) as door:
        door.wait_for(seconds=60)
        yield door


@pytest.fixture(scope="module")
def storm(nevus: GatewayProcess) -> Iterator[Storm]:
    key = nevus.admin("create-key", "--role", "client", "--caller", "mallory")
    bearer = {"Authorization": f"Bearer {key}"}
    with httpx.Client(base_url=nevus.url, headers=bearer, trust_env=False, timeout=60) as client:
        yield Storm(nevus, client)


def pour(storm: Storm, seed: int, scale: float) -> None:
    """The whole corpus, with a plain photo now and then that is answered as ever."""
    for _ in range(WARM_UP):
        storm.plain()
    before = resident(storm.nevus)
    for number, case in enumerate(cases(seed, scale)):
        storm.throw(case)
        if number % 50 == 0:
            storm.plain()
    assert not storm.faults
    assert resident(storm.nevus) - before < GROWTH


def look_at_what_is_kept(storm: Storm) -> None:
    """On the disk: as many photos as were taken, and no byte of a payload anywhere, the log included."""
    photos = [path for path in (storm.nevus.data / "photos").rglob("*.jpg") if path.is_file()]
    assert len(photos) == storm.kept
    assert all(only_pixels(path.read_bytes()) for path in photos)
    files = [path for path in storm.nevus.data.rglob("*") if path.is_file()]
    assert not [path for path in (*files, storm.nevus.log_file) if MARK in path.read_bytes()]


def test_the_corpus_is_answered_and_leaves_nothing_behind(storm: Storm) -> None:
    pour(storm, seed=1, scale=0.02)
    look_at_what_is_kept(storm)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(2, 7))
def test_the_corpus_in_full(storm: Storm, seed: int) -> None:
    pour(storm, seed, scale=1.0)
    look_at_what_is_kept(storm)


def test_decoders_that_are_killed_cost_no_photo(storm: Storm) -> None:
    for _ in range(3):
        for worker in psutil.Process(storm.nevus.process.pid).children():
            worker.kill()
        storm.plain()


def test_the_same_seed_makes_the_same_files() -> None:
    once, again = (list(cases(3, scale=0.001)) for _ in range(2))
    assert once == again
    assert len({case.name for case in once}) == len(once)
