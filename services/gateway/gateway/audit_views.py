"""What of the audit log an admin sees."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from nevus.audit_links import GENESIS
from nevus.audit_verification import Fault
from nevus.domain import ChainedEntry, Frozen

HASH = "7b0a6f6c1f0e4a2d9c8b5e3f1a0d7c6b5a4938271605f4e3d2c1b0a9f8e7d6c5"
ENTRY: dict[str, Any] = {
    "sequence": 1,
    "at": "2026-11-24T09:00:00Z",
    "actor": "ada",
    "role": "admin",
    "action": "promote",
    "subject": "champion -> 2026.11.24-1",
    "detail": "from 2026.10.01-1",
    "previous": GENESIS,
    "hash": HASH,
}
PAGE_EXAMPLE = {"items": [ENTRY], "next": None}
VERIFICATION_EXAMPLE = {"whole": True, "entries": 1, "head": f"1:{HASH}", "fault": None}


class AuditPage(Frozen):
    """Newest first; `next` is the cursor of the next page, null on the last one."""

    items: tuple[ChainedEntry, ...]
    next: str | None = None


class VerificationView(Frozen):
    """How far the log was walked. `head`, where that ends, is worth keeping elsewhere for the next time."""

    whole: bool
    entries: int = Field(description="that follow each other, from the first")
    head: str = Field(description="number and hash of the last of them")
    fault: Fault | None = Field(default=None, description="the first thing that is wrong")
