"""What keys, invitations and sessions promise beyond the contract."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nevus.adapters.keys import INVITE_LIFETIME, SESSION_LIFETIME, SqliteIdentity
from nevus.domain import Caller, Role


class Clock:
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def identity(tmp_path: Path, clock: Clock) -> SqliteIdentity:
    return SqliteIdentity(tmp_path / "identity.db", clock)


async def test_a_revoked_key_opens_nothing(identity: SqliteIdentity) -> None:
    key = identity.create_key(Role.ADMIN)
    assert await identity.caller(key.secret) == key.caller
    assert identity.revoke(key.key_id)
    assert not identity.revoke(key.key_id)
    assert not identity.revoke("key_none")
    assert await identity.caller(key.secret) is None


async def test_a_caller_keeps_the_id_over_key_rotation(identity: SqliteIdentity) -> None:
    old = identity.create_key(Role.CLIENT)
    new = identity.create_key(Role.CLIENT, old.caller.id)
    identity.revoke(old.key_id)
    assert await identity.caller(new.secret) == old.caller


async def test_no_secret_is_kept(identity: SqliteIdentity, tmp_path: Path) -> None:
    key, invite = identity.create_key(Role.ADMIN), identity.create_invite(Role.CLIENT)
    session = await identity.redeem(invite) or ""
    identity.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert key.caller.id.encode() in kept
    assert not [secret for secret in (key.secret, invite, session) if secret.encode() in kept]


async def test_an_adopted_key_replaces_the_one_before(identity: SqliteIdentity, clock: Clock) -> None:
    admin = Caller(id="admin", role=Role.ADMIN)
    made = identity.create_key(Role.ADMIN, "admin")
    clock.moment += timedelta(seconds=1)
    first = identity.adopt_key("first secret", Role.ADMIN, "admin")
    assert identity.adopt_key("first secret", Role.ADMIN, "admin") == first
    assert await identity.caller("first secret") == admin
    identity.adopt_key("second secret", Role.ADMIN, "admin")
    assert await identity.caller("first secret") is None
    assert await identity.caller("second secret") == await identity.caller(made.secret) == admin
    infos = identity.keys()
    assert [info.adopted for info in infos] == [False, True, True]


@pytest.mark.parametrize("secret", ["", "  ", "x" * 513])
def test_does_not_adopt_a_secret_that_is_none(identity: SqliteIdentity, secret: str) -> None:
    with pytest.raises(ValueError, match="1 to 512"):
        identity.adopt_key(secret, Role.ADMIN, "admin")


@pytest.mark.parametrize("caller_id", ["", "a b", "é", "x" * 65, "a/b", "a\n"])
def test_refuses_a_bad_caller_id(identity: SqliteIdentity, caller_id: str) -> None:
    with pytest.raises(ValueError, match="caller's id"):
        identity.create_key(Role.CLIENT, caller_id)


async def test_an_invitation_makes_one_session(identity: SqliteIdentity) -> None:
    invite = identity.create_invite(Role.CLINICIAN, "doc")
    session = await identity.redeem(invite)
    assert session
    assert await identity.session(session) == Caller(id="doc", role=Role.CLINICIAN)
    assert await identity.redeem(invite) is None
    assert await identity.session(invite) is None
    assert await identity.caller(session) is None
    await identity.end_session(session)
    assert await identity.session(session) is None


async def test_of_many_redeemers_in_two_processes_one_wins(
    identity: SqliteIdentity, tmp_path: Path, clock: Clock
) -> None:
    other = SqliteIdentity(tmp_path / "identity.db", clock)
    invite = identity.create_invite(Role.CLIENT)
    sessions = await asyncio.gather(*(each.redeem(invite) for each in (identity, other) * 5))
    assert sum(session is not None for session in sessions) == 1


async def test_invitations_and_sessions_expire(identity: SqliteIdentity, clock: Clock) -> None:
    late, soon = identity.create_invite(Role.CLIENT), identity.create_invite(Role.CLIENT)
    clock.moment += INVITE_LIFETIME - timedelta(seconds=1)
    session = await identity.redeem(soon)
    clock.moment += timedelta(seconds=1)
    assert await identity.redeem(late) is None
    clock.moment += SESSION_LIFETIME - timedelta(seconds=2)
    assert session
    assert await identity.session(session)
    clock.moment += timedelta(seconds=1)
    assert await identity.session(session) is None


async def test_a_caller_can_be_signed_out_everywhere(identity: SqliteIdentity) -> None:
    sessions = [await identity.redeem(identity.create_invite(Role.CLIENT, "anna")) or "" for _ in range(2)]
    invite = identity.create_invite(Role.CLIENT, "anna")
    assert identity.end_sessions("anna") == 2
    assert [await identity.session(session) for session in sessions] == [None, None]
    assert await identity.redeem(invite) is None


async def test_another_process_s_keys_are_seen_at_once(identity: SqliteIdentity, tmp_path: Path) -> None:
    other = SqliteIdentity(tmp_path / "identity.db")
    key = other.create_key(Role.CLIENT)
    assert await identity.caller(key.secret)
    identity.revoke(key.key_id)
    assert await other.caller(key.secret) is None


async def test_who_may_come_in_now(identity: SqliteIdentity, clock: Clock) -> None:
    revoked = identity.create_key(Role.CLIENT, "anna")
    identity.create_key(Role.CLIENT, "anna")
    identity.revoke(revoked.key_id)
    await identity.redeem(identity.create_invite(Role.CLIENT, "anna"))
    identity.create_invite(Role.ADMIN, "ada")
    told = [(each.caller.id, each.keys, each.sessions, each.invitations) for each in identity.callers()]
    assert told == [("ada", 0, 0, 1), ("anna", 1, 1, 0)]
    clock.moment += SESSION_LIFETIME
    assert [(each.caller.id, each.keys, each.sessions) for each in identity.callers()] == [("anna", 1, 0)]
