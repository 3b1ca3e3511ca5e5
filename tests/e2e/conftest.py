"""Both services, really running, for every test of this folder."""

from __future__ import annotations

import csv
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from tests.backends import CLOUD, Backend, Cloud, Embedded
from tests.e2e.browser import SHOTS, launched
from tests.e2e.pages import Stage
from tests.emulators import firestore_is_here
from tests.gateway_process import GatewayProcess, gateway
from tests.inference_process import inference
from tests.photos import draw_lesion


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """On the stores that NEVUS_BACKEND names; a test marked `on_both` on the embedded ones and on the emulators.

    One marked `on_emulators` runs there alone where they are installed: it takes long, and one like it is embedded.
    """
    if "backend" in metafunc.fixturenames:
        both = metafunc.definition.get_closest_marker("on_both") is not None
        there = metafunc.definition.get_closest_marker("on_emulators") is not None and firestore_is_here()
        named = ["cloud"] if CLOUD or there else ["embedded", "cloud"] if both else ["embedded"]
        metafunc.parametrize("backend", named, indirect=True, scope="session")


@pytest.fixture(scope="session")
def backend(request: pytest.FixtureRequest) -> Backend:
    """The stores."""
    if request.param == "embedded":
        return Embedded()
    return Cloud(request.getfixturevalue("gcs"), request.getfixturevalue("firestore"))


@pytest.fixture(scope="session")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 drawn photos, every second four of them called malignant."""
    folder = tmp_path_factory.mktemp("photos")
    with (folder / "manifest.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file", "malignant", "modality", "split", "group_id", "fitzpatrick"))
        for number in range(48):
            draw_lesion((120, 90), number).save(folder / f"{number}.jpg")
            split = ("train", "train", "val", "test")[number % 4]
            table.writerow((f"{number}.jpg", number // 4 % 2, "clinical", split, f"g{number}", 2))
    return folder / "manifest.csv"


@pytest.fixture(scope="module")
def nevus(models_dir: Path, tmp_path_factory: pytest.TempPathFactory, backend: Backend) -> Iterator[GatewayProcess]:
    folder = tmp_path_factory.mktemp("nevus")
    stores = backend.settings(folder / "data")
    with (
        inference(models_dir, folder, **stores) as model,
        gateway(models_dir, folder, model.url, **stores) as door,
    ):
        door.wait_for()
        yield door


@pytest.fixture(scope="module")
def client(nevus: GatewayProcess) -> Iterator[httpx.Client]:
    """A caller with a client's key."""
    key = nevus.admin("create-key", "--role", "client", "--caller", "bea")
    with httpx.Client(base_url=nevus.url, headers={"Authorization": f"Bearer {key}"}, trust_env=False, timeout=30) as c:
        yield c


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def stage(models_dir: Path, tmp_path_factory: pytest.TempPathFactory, chromium: str) -> AsyncIterator[Stage]:
    """One stack and one browser for all tests of pages."""
    folder = tmp_path_factory.mktemp("stage")
    SHOTS.mkdir(exist_ok=True)
    with inference(models_dir, folder) as model, gateway(models_dir, folder, model.url) as door:
        async with launched() as browser:
            door.wait_for()
            yield Stage(door, browser)
