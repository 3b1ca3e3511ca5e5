"""Each port's adapters, to be run through one suite: an adapter joins it by its line here."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from tests.cloud_run_server import JOB, cloud_run
from tests.conftest import ROOT
from tests.emulators import Emulator
from tests.faults import Proxy, fault_proxy
from tests.issuer import Issuer, token_issuer

from nevus.adapters.cloud_run import CloudRunJobs
from nevus.adapters.file_photos import FilePhotos
from nevus.adapters.files import FileStore
from nevus.adapters.firestore import FirestoreRecords
from nevus.adapters.firestore_runs import FirestoreRuns
from nevus.adapters.gcs import GcsPhotos, GcsStore
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.oidc import OidcIdentity, Roles, Verifier
from nevus.adapters.sqlite import SqliteRecords
from nevus.adapters.sqlite_runs import SqliteRuns
from nevus.adapters.subprocess_jobs import SubprocessJobs
from nevus.domain import Role
from nevus.ports import Identity, JobRunner, ObjectStore, PhotoStore, RecordStore, RunStore

OBJECT_STORES: dict[str, Callable[[Path], ObjectStore]] = {
    "files": FileStore,
    "gcs": lambda _: GcsStore(Emulator.of_environment().new_bucket()),
}
PHOTO_STORES: dict[str, Callable[[Path], PhotoStore]] = {
    "files": FilePhotos,
    "gcs": lambda _: GcsPhotos(Emulator.of_environment().new_bucket()),
}
RECORD_STORES: dict[str, Callable[[Path], RecordStore]] = {
    "sqlite": lambda folder: SqliteRecords(folder / "r.db"),
    "firestore": lambda _: FirestoreRecords(new_project()),
}
RUN_STORES: dict[str, Callable[[Path], RunStore]] = {
    "sqlite": lambda folder: SqliteRuns(folder / "runs.db"),
    "firestore": lambda _: FirestoreRuns(new_project()),
}


@pytest.fixture(scope="session")
def gcs_proxy(gcs: Emulator) -> Iterator[Proxy]:
    """The one before the emulator of Cloud Storage, so that tests share the client that calls it."""
    with fault_proxy(gcs.address) as proxy:
        yield proxy


@pytest.fixture
def proxy(gcs_proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Proxy:
    """Between this test's client and the emulator of Cloud Storage."""
    gcs_proxy.forget()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_proxy.url)
    return gcs_proxy


@pytest.fixture
def bucket(gcs: Emulator) -> str:
    """Of Cloud Storage, empty."""
    return gcs.new_bucket()


def new_project() -> str:
    """With a database that nobody else uses."""
    return f"nevus-{secrets.token_hex(8)}"


@pytest.fixture(params=OBJECT_STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path, emulated: Callable[[str], None]) -> ObjectStore:
    emulated(request.param)
    return OBJECT_STORES[request.param](tmp_path)


@pytest.fixture(params=PHOTO_STORES)
def photos(request: pytest.FixtureRequest, tmp_path: Path, emulated: Callable[[str], None]) -> PhotoStore:
    emulated(request.param)
    return PHOTO_STORES[request.param](tmp_path)


@pytest.fixture
def emulated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Start what a store needs, only if the test's store needs it."""

    def start(name: str) -> None:
        if name == "firestore":
            monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", request.getfixturevalue("firestore").address)
        if name == "gcs":
            monkeypatch.setenv("STORAGE_EMULATOR_HOST", request.getfixturevalue("gcs").url)

    return start


@pytest.fixture(params=RECORD_STORES)
async def records(
    request: pytest.FixtureRequest, tmp_path: Path, emulated: Callable[[str], None]
) -> AsyncIterator[RecordStore]:
    emulated(request.param)
    store = RECORD_STORES[request.param](tmp_path)
    yield store
    await store.close()


@pytest.fixture(params=RUN_STORES)
async def runs(
    request: pytest.FixtureRequest, tmp_path: Path, emulated: Callable[[str], None]
) -> AsyncIterator[RunStore]:
    emulated(request.param)
    store = RUN_STORES[request.param](tmp_path)
    yield store
    await store.close()


@asynccontextmanager
async def subprocess_jobs(folder: Path) -> AsyncIterator[JobRunner]:
    """A script in place of the training job."""
    jobs = SubprocessJobs([sys.executable, str(ROOT / "tests/training_stand_in.py")], folder, os.environ, pause=0.01)
    yield jobs
    await jobs.close()


@asynccontextmanager
async def cloud_run_jobs(_: Path) -> AsyncIterator[JobRunner]:
    """Against a stand-in for the service."""
    async with cloud_run() as server:
        jobs = CloudRunJobs(JOB, endpoint=server.endpoint)
        yield jobs
        await jobs.close()


JOB_RUNNERS: dict[str, Callable[[Path], AbstractAsyncContextManager[JobRunner]]] = {
    "subprocess": subprocess_jobs,
    "cloud_run": cloud_run_jobs,
}


@pytest.fixture(params=JOB_RUNNERS)
async def jobs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[JobRunner]:
    async with JOB_RUNNERS[request.param](tmp_path) as runner:
        yield runner


def keys_identity(folder: Path) -> tuple[Identity, str]:
    """An identity and a good token for the client "known"."""
    identity = SqliteIdentity(folder / "identity.db")
    return identity, identity.create_key(Role.CLIENT, "known").secret


def oidc_identity(issuer: Issuer) -> tuple[Identity, str]:
    """The same by an ID token."""
    return OidcIdentity(Verifier(issuer.trusted), Roles()), issuer.token("known")


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with token_issuer() as started:
        yield started


@pytest.fixture(params=["keys", "oidc"])
def identity_and_token(request: pytest.FixtureRequest, tmp_path: Path, issuer: Issuer) -> tuple[Identity, str]:
    return keys_identity(tmp_path) if request.param == "keys" else oidc_identity(issuer)
