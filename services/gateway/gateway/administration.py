"""What an operator does from a shell, and an admin on the pages: keys, invitations, sessions, verifying the audit log.

What hands out a secret has its entry before the secret is shown: one that nobody has seen opens nothing. What takes
something away writes its entry first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway import audit_log
from gateway.problems import Problem
from gateway.services import Services
from nevus.adapters.keys import NewKey, SqliteIdentity, key_id_of, make_caller
from nevus.audit import by, by_operator, by_service, intended
from nevus.audit_links import Head
from nevus.audit_verification import Verification
from nevus.domain import AuditEntry, Caller, Role
from nevus.ports import PhotoStore, RecordStore


@dataclass(frozen=True)
class Office:
    """What these work with: the gateway's own stores, and who acts (`entry` is of action, subject and detail)."""

    identity: SqliteIdentity
    records: RecordStore
    photos: PhotoStore
    entry: Callable[[str, str, str], AuditEntry] = by_operator


def office_of(services: Services, caller: Caller) -> Office:
    """For an admin on the pages; raises Problem `not-found` where identities are managed elsewhere."""
    if services.callers.keys is None:
        raise Problem("not-found", "Keys are not managed here: an identity provider says who is who.")
    return Office(services.callers.keys, services.records, services.photos, partial(by, caller))


async def create_key(office: Office, role: Role, caller_id: str | None) -> NewKey:
    """A key for a new caller, unless one is named; raises ValueError on a bad caller id."""
    key = await asyncio.to_thread(office.identity.create_key, role, caller_id)
    await office.records.audit(office.entry("key.create", key.key_id, f"{role.value}, caller {key.caller.id}"))
    return key


async def invite(office: Office, role: Role, caller_id: str | None) -> str:
    """A sign-in link's token; raises ValueError on a bad caller id."""
    caller = make_caller(role, caller_id)
    token = await asyncio.to_thread(office.identity.create_invite, role, caller.id)
    await office.records.audit(office.entry("invite.create", caller.id, role.value))
    return token


async def revoke_key(office: Office, key_id: str) -> bool:
    """Lock a key out; False when there is none that could be."""
    known = office.identity.keys()
    if not any(key.key_id == key_id and key.revoked_at is None for key in known):
        return False
    async with intended(office.records, office.entry("key.revoke", key_id, "")):
        return await asyncio.to_thread(office.identity.revoke, key_id)


async def end_sessions(office: Office, caller_id: str) -> int:
    """Sign a caller out everywhere and take back unused links; how many sessions ended."""
    async with intended(office.records, office.entry("sessions.end", caller_id, "")):
        return await asyncio.to_thread(office.identity.end_sessions, caller_id)


async def verify(office: Office, given: Head | None) -> Verification:
    """Walk the audit log; see `gateway.audit_log`."""
    return await audit_log.verified(office.records, office.photos, given, office.entry)


async def adopt_key(identity: SqliteIdentity, records: RecordStore, secret: str, caller_id: str) -> None:
    """Let in the admin's key that the settings name, with an entry where it was not let in before."""
    key_id, admin, known = key_id_of(secret), Caller(id=caller_id, role=Role.ADMIN), identity.keys()
    if any((key.key_id, key.caller, key.revoked_at) == (key_id, admin, None) for key in known):
        return
    async with intended(records, by_service("key.adopt", key_id, f"{Role.ADMIN.value}, caller {caller_id}")):
        identity.adopt_key(secret, Role.ADMIN, caller_id)
