"""What many tests share: free ports, and things that a machine may lack."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from hypothesis import HealthCheck, settings
from tests.emulators import Emulator, firestore_emulator, firestore_is_here, gcs_emulator

from nevus.pointers import Pointer
from nevus.registry import sha256

ROOT = Path(__file__).resolve().parents[1]
pytest_plugins = ["tests.secret_scan"]
settings.register_profile("nevus", deadline=None, suppress_health_check=[HealthCheck.too_slow])  # machines are busy
settings.load_profile("nevus")


def lacking(what: str, how: str = "") -> None:
    """Skip the test, or fail it when NEVUS_REQUIRE names what is lacking; `how` says what to install."""
    if what in os.environ.get("NEVUS_REQUIRE", "").split(","):
        pytest.fail(f"NEVUS_REQUIRE names {what}, and it is not here")
    pytest.skip(f"{what} is not here" + (f": {how}" if how else ""))


@pytest.fixture(scope="session", autouse=True)
def no_proxy() -> Iterator[None]:
    """Servers on this machine are asked without one, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("NO_PROXY", "127.0.0.1")
        patched.setenv("no_proxy", "127.0.0.1")
        yield


@pytest.fixture
def free_port() -> int:
    """A port on 127.0.0.1 that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def no_pauses() -> Iterator[None]:
    """What is repeated is repeated at once, and tried four times at most."""
    with stamina.set_testing(True, attempts=4, cap=True):
        yield


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not path:
        lacking("chromium")
    return str(path)


@pytest.fixture(scope="session")
def real_manifest() -> Path:
    """The manifest of real photos: NEVUS_REAL_DATA, or shared/data beside the checkout."""
    path = Path(os.environ.get("NEVUS_REAL_DATA") or ROOT.parent / "shared/data/manifest.csv")
    if not path.is_file():
        lacking("real-data")
    return path


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry of one version, the fastest that ships, as its champion. Read it, never write."""
    registry = tmp_path_factory.mktemp("models")
    source = max((ROOT / "models/mobilenet_v2/versions").iterdir())
    shutil.copytree(source, registry / source.relative_to(ROOT / "models"))
    manifest = (source / "manifest.json").read_bytes()
    pointer = Pointer(name="mobilenet_v2", version=source.name, manifest_sha256=sha256(manifest))
    (registry / "channels").mkdir()
    (registry / "channels/champion.json").write_text(pointer.model_dump_json(exclude_unset=True))
    return registry


@pytest.fixture(scope="session")
def firestore(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """Google's Firestore emulator; a test takes a project of its own."""
    if not firestore_is_here():
        lacking("emulators", "install gcloud with `gcloud components install cloud-firestore-emulator`, and Java")
    with firestore_emulator(tmp_path_factory.mktemp("firestore") / "log") as emulator:
        yield emulator


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    """fake-gcs-server; a test makes buckets of its own."""
    with gcs_emulator(tmp_path_factory.mktemp("gcs") / "log") as emulator:
        yield emulator
