from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.admin import app
from nevus.adapters.keys import SqliteIdentity
from nevus.domain import Caller, Role


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    return CliRunner()


async def test_an_invitation_is_the_last_line(run: CliRunner, tmp_path: Path) -> None:
    done = run.invoke(app, ["invite", "--role", "client", "--caller", "anna", "--base-url", "http://127.0.0.1:8080/"])
    address, _, token = done.stdout.strip().splitlines()[-1].partition("?token=")
    assert address == "http://127.0.0.1:8080/sign-in"
    identity = SqliteIdentity(tmp_path / "identity.db")
    session = await identity.redeem(token)
    assert session is not None
    assert await identity.session(session) == Caller(id="anna", role=Role.CLIENT)
    identity.close()


async def test_a_key_lets_in_until_it_is_revoked(run: CliRunner, tmp_path: Path) -> None:
    secret = run.invoke(app, ["create-key", "--role", "admin"]).stdout.strip().splitlines()[-1]
    identity = SqliteIdentity(tmp_path / "identity.db")
    assert await identity.caller(secret) is not None
    (key,) = identity.keys()
    listed = run.invoke(app, ["list-keys"]).stdout
    assert key.key_id in listed
    assert secret not in listed
    assert run.invoke(app, ["revoke-key", key.key_id]).exit_code == 0
    assert await identity.caller(secret) is None
    assert run.invoke(app, ["revoke-key", key.key_id]).exit_code == 1
    identity.close()


async def test_a_caller_is_signed_out_everywhere(run: CliRunner, tmp_path: Path) -> None:
    identity = SqliteIdentity(tmp_path / "identity.db")
    session = await identity.redeem(identity.create_invite(Role.CLIENT, "anna"))
    assert session is not None
    assert run.invoke(app, ["sign-out", "anna"]).stdout == "ended 1 sessions of anna\n"
    assert await identity.session(session) is None
    identity.close()


@pytest.mark.parametrize(
    "arguments", [["create-key", "--role", "boss"], ["create-key", "--role", "client", "--caller", "a b"]]
)
def test_what_cannot_be_is_told(run: CliRunner, arguments: list[str]) -> None:
    done = run.invoke(app, arguments)
    assert done.exit_code == 2
    assert "Traceback" not in done.output
