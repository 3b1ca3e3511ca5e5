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
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from nevus.domain import AuditEntry, Caller, ChainedEntry

GENESIS = "0" * 64
SERVICE = "nevus"
UNREADABLE = "unreadable"
log = logging.getLogger("nevus.audit")


@dataclass(frozen=True)
class Head:
    """Where a chain ends: the last entry's number and hash."""

    sequence: int = 0
    hash: str = GENESIS

    def __str__(self) -> str:
        return f"{self.sequence}:{self.hash}"


@dataclass(frozen=True)
class Link:
    """An entry as it is stored: its number, the bytes of its text, its hash."""

    sequence: int
    text: bytes
    hash: str

    @property
    def head(self) -> Head:
        """The chain's end, when this is the last one."""
        return Head(self.sequence, self.hash)


class Chain(Protocol):
    """A store of links, as `nevus.ports.RecordStore` has it."""

    async def audit_links(self, *, after: int | None = None, limit: int = 500) -> tuple[Link, ...]:
        """Oldest first, from the very first or after that number."""

    async def audit_head(self) -> Head:
        """Where it ends."""


def by(caller: Caller, action: str, subject: str, detail: str = "") -> AuditEntry:
    """What a caller does now."""
    moment = datetime.now(UTC)
    return AuditEntry(at=moment, actor=caller.id, role=caller.role.value, action=action, subject=subject, detail=detail)


def by_service(action: str, subject: str, detail: str = "") -> AuditEntry:
    """What Nevus does by itself now."""
    moment = datetime.now(UTC)
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


async def newest(chain: Chain, *, limit: int, before: int | None) -> tuple[ChainedEntry, ...]:
    """The last entries, or the last below that number, newest first."""
    end = (await chain.audit_head()).sequence
    last = end if before is None else min(end, before - 1)
    links = await chain.audit_links(after=max(0, last - limit), limit=limit)
    return tuple(entry_of(link) for link in reversed(links) if link.sequence <= last)


def told(head: Head) -> None:
    """Say in the log of the process, which is kept elsewhere, how far the chain has come."""
    log.info("audit log", extra={"audit_sequence": head.sequence, "audit_hash": head.hash})
