"""The audit log: a chain of entries, each of which holds the hash of the one before.

An entry's text is canonical JSON (RFC 8785: sorted names, no blanks, UTF-8) of `action, actor, at, detail, previous,
role, sequence, subject`; `at` is in UTC with microseconds, `2026-11-24T09:00:00.000000Z`. Its hash is the SHA-256 of
that text, in hexadecimal; `previous` is the hash of the entry before, 64 zeros for the first. The text is stored as it
was hashed, so that a changed byte changes the hash, whatever it means.

Entries hold ids: of callers, records, keys, runs, versions. Of a person they never hold a name, a photo, a result or
the words of a diagnosis. An erasure's entry keeps the record's id, which leads nowhere from then on.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Protocol

from nevus import clock
from nevus.audit_links import Head, Link
from nevus.domain import AuditEntry, Caller, ChainedEntry
from nevus.ports import Unavailable

SERVICE = "nevus"
UNREADABLE = "unreadable"
log = logging.getLogger("nevus.audit")


class Chain(Protocol):
    """A store of links, as `nevus.ports.RecordStore` has it."""

    async def audit(self, entry: AuditEntry) -> None:
        """Append."""

    async def audit_links(self, *, after: int | None = None, limit: int = 500) -> tuple[Link, ...]:
        """Oldest first, from the very first or after that number."""

    async def audit_head(self) -> Head:
        """Where it ends."""


def by(caller: Caller, action: str, subject: str, detail: str = "") -> AuditEntry:
    """What a caller does now."""
    moment = clock.now()
    return AuditEntry(at=moment, actor=caller.id, role=caller.role.value, action=action, subject=subject, detail=detail)


def by_operator(action: str, subject: str, detail: str = "") -> AuditEntry:
    """What somebody does from a shell now: known by the number that the machine has for them."""
    actor = f"uid:{os.getuid()}"
    return AuditEntry(at=clock.now(), actor=actor, role="operator", action=action, subject=subject, detail=detail)


def by_service(action: str, subject: str, detail: str = "") -> AuditEntry:
    """What Nevus does by itself now."""
    moment = clock.now()
    return AuditEntry(at=moment, actor=SERVICE, role="service", action=action, subject=subject, detail=detail)


def chained(entry: AuditEntry, head: Head) -> Link:
    """The link that holds an entry after that head."""
    fields: dict[str, str | int] = {
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "actor": entry.actor,
        "role": entry.role,
        "action": entry.action,
        "subject": entry.subject,
        "detail": entry.detail,
        "sequence": head.sequence + 1,
        "previous": head.hash,
    }
    text = canonical(fields)
    return Link(head.sequence + 1, text, hash_of(text))


def canonical(fields: dict[str, str | int]) -> bytes:
    """Canonical JSON, as RFC 8785 has it for texts and whole numbers under ASCII names."""
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def read_head(sequence: object, digest: object) -> Head:
    """As it is stored; raises Unavailable for what no head can be."""
    if type(sequence) is not int or not isinstance(digest, str) or sequence < 0:
        raise Unavailable("the audit log's head is damaged")
    return Head(sequence, digest)


def hash_of(text: bytes) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(text).hexdigest()


def entry_of(link: Link) -> ChainedEntry:
    """What a link says, unverified; one that cannot be read says so, in the action."""
    try:
        return ChainedEntry.model_validate({**json.loads(link.text), "hash": link.hash})
    except (ValueError, TypeError):
        epoch = datetime.fromtimestamp(0, UTC)
        nothing = {"at": epoch, "actor": "", "action": UNREADABLE, "subject": "", "previous": ""}
        return ChainedEntry.model_validate({**nothing, "sequence": link.sequence, "hash": link.hash})


@asynccontextmanager
async def intended(chain: Chain, entry: AuditEntry) -> AsyncIterator[None]:
    """Around an effect that the chain's store cannot commit together with its entry: the entry comes first.

    Where the effect fails, a second one says so, its action ending in `.failed`. An effect is therefore never without
    its entry; an entry that is the last word of a process that died may be without its effect.
    """
    await chain.audit(entry)
    try:
        yield
    except Exception:
        failed = {"action": f"{entry.action}.failed", "at": clock.now()}
        try:
            await chain.audit(entry.model_copy(update=failed))
        except Exception:
            log.exception("the audit log was not told that an action failed")
        raise


async def newest(chain: Chain, *, limit: int, before: int | None) -> tuple[ChainedEntry, ...]:
    """The last entries, or the last below that number, newest first."""
    end = (await chain.audit_head()).sequence
    last = end if before is None else min(end, before - 1)
    links = await chain.audit_links(after=max(0, last - limit), limit=limit)
    return tuple(entry_of(link) for link in reversed(links) if link.sequence <= last)


def told(head: Head) -> None:
    """Say in the log of the process, which is kept elsewhere, how far the chain has come."""
    log.info("audit log", extra={"audit_sequence": head.sequence, "audit_hash": head.hash})
