"""Each port's adapters, to be run through one suite: an adapter joins it by its line here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from tests.issuer import Issuer, token_issuer

from nevus.adapters.files import FileStore
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.oidc import OidcIdentity, Roles, Verifier
from nevus.adapters.sqlite import SqliteRecords
from nevus.adapters.sqlite_runs import SqliteRuns
from nevus.domain import Role
from nevus.ports import Identity, ObjectStore, RecordStore, RunStore

OBJECT_STORES: dict[str, Callable[[Path], ObjectStore]] = {"files": FileStore}
RECORD_STORES: dict[str, Callable[[Path], SqliteRecords]] = {"sqlite": lambda folder: SqliteRecords(folder / "r.db")}

RUN_STORES: dict[str, Callable[[Path], RunStore]] = {"sqlite": lambda folder: SqliteRuns(folder / "runs.db")}


@pytest.fixture(params=OBJECT_STORES)
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    return OBJECT_STORES[request.param](tmp_path)


@pytest.fixture(params=RECORD_STORES)
async def records(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RecordStore]:
    store = RECORD_STORES[request.param](tmp_path)
    yield store
    await store.close()


@pytest.fixture(params=RUN_STORES)
async def runs(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunStore]:
    store = RUN_STORES[request.param](tmp_path)
    yield store
    await store.close()


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
