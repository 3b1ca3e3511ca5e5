import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
from typer.testing import CliRunner, Result

from gateway.admin import app
from nevus.adapters.keys import SqliteIdentity
from nevus.adapters.sqlite import SqliteRecords
from nevus.domain import Caller, ChainedEntry, Role

T = TypeVar("T")
Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def identity(tmp_path: Path) -> Iterator[SqliteIdentity]:
    identity = SqliteIdentity(tmp_path / "identity.db")
    yield identity
    identity.close()


def done(work: Coroutine[Any, Any, T]) -> T:
    """The commands have an event loop of their own each, so that a test can have none around them."""
    return asyncio.run(work)


def told(folder: Path) -> list[ChainedEntry]:
    """The audit log, oldest first."""

    async def read() -> list[ChainedEntry]:
        records = SqliteRecords(folder / "records.db")
        try:
            return list(reversed(await records.audit_log()))
        finally:
            await records.close()

    return done(read())


def test_an_invitation_is_the_last_line(run: Run, tmp_path: Path, identity: SqliteIdentity) -> None:
    made = run("invite", "--role", "client", "--caller", "anna", "--base-url", "http://127.0.0.1:8080/")
    address, _, token = made.stdout.strip().splitlines()[-1].partition("?token=")
    assert address == "http://127.0.0.1:8080/sign-in"
    session = done(identity.redeem(token))
    assert session is not None
    assert done(identity.session(session)) == Caller(id="anna", role=Role.CLIENT)
    (entry,) = told(tmp_path)
    assert (entry.role, entry.action, entry.subject, entry.detail) == ("operator", "invite.create", "anna", "client")


def test_a_key_lets_in_until_it_is_revoked(run: Run, tmp_path: Path, identity: SqliteIdentity) -> None:
    secret = run("create-key", "--role", "admin", "--caller", "ada").stdout.strip().splitlines()[-1]
    assert done(identity.caller(secret)) is not None
    (key,) = identity.keys()
    listed = run("list-keys").stdout
    assert key.key_id in listed
    assert secret not in listed
    assert run("revoke-key", key.key_id).exit_code == 0
    assert done(identity.caller(secret)) is None
    assert run("revoke-key", key.key_id).exit_code == 1
    assert [(each.action, each.subject, each.detail) for each in told(tmp_path)] == [
        ("key.create", key.key_id, "admin, caller ada"),
        ("key.revoke", key.key_id, ""),
    ]


def test_a_caller_is_signed_out_everywhere(run: Run, tmp_path: Path, identity: SqliteIdentity) -> None:
    session = done(identity.redeem(identity.create_invite(Role.CLIENT, "anna")))
    assert session is not None
    assert run("sign-out", "anna").stdout == "ended 1 sessions of anna\n"
    assert done(identity.session(session)) is None
    assert [(each.action, each.subject) for each in told(tmp_path)] == [("sessions.end", "anna")]


def test_the_audit_log_is_verified_against_a_head_that_was_noted(run: Run, tmp_path: Path) -> None:
    run("invite", "--role", "client", "--base-url", "http://127.0.0.1:8080/")
    first = run("verify")
    assert first.exit_code == 0
    assert first.stdout.startswith("The audit log is whole: 1 entries, head 1:")
    head = first.stdout.split()[-1].rstrip(".")
    assert run("verify", "--head", head).exit_code == 0
    another = run("verify", "--head", "9:" + "0" * 64)
    assert another.exit_code == 1
    assert "the log ends before it; the head that was given names entry 9" in another.stderr
    assert [each.action for each in told(tmp_path)] == ["invite.create", *["verify"] * 3]


@pytest.mark.parametrize(
    "arguments",
    [
        ["create-key", "--role", "boss"],
        ["create-key", "--role", "client", "--caller", "a b"],
        ["verify", "--head", "the last one"],
    ],
)
def test_what_cannot_be_is_told(run: Run, arguments: list[str]) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert "Traceback" not in refused.output


def test_without_the_audit_log_no_key_is_shown(run: Run, tmp_path: Path) -> None:
    run("list-keys")
    (tmp_path / "records.db").write_bytes(b"no database at all" * 100)
    refused = run("create-key", "--role", "admin")
    assert refused.exit_code == 1
    assert "nvs_" not in refused.output
