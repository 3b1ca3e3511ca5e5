"""The audit log as admins see it: its pages, its verification, and the anchor that is kept outside of it.

The anchor is one object beside the photos that names the log's head, brought up to date by the reconciler. A log that
does not hold what the anchor names is not what it was: then the anchor stays as it is, and the log of the process and a
metric say so.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable

from nevus.audit_links import Head
from nevus.audit_verification import Fault, Verification, verify
from nevus.domain import AuditEntry
from nevus.ports import NotFound, PhotoStore, PreconditionFailed, RecordStore

log = logging.getLogger("gateway.audit")
PREFIX = "audit/"
ANCHOR = PREFIX + "head.txt"
HEAD = re.compile("([0-9]{1,15}):([0-9a-f]{64})")
ANCHORED, GIVEN = "the anchor", "the head that was given"


def read_head(text: str) -> Head:
    """From `number:hash`, as a head is shown; raises ValueError."""
    found = HEAD.fullmatch(text.strip())
    if found is None:
        raise ValueError("a head is a number, a colon and 64 hexadecimal digits")
    return Head(int(found[1]), found[2])


async def stored_anchor(photos: PhotoStore) -> tuple[Head, int]:
    """The anchor and its generation, 0 where there is none yet; raises ValueError for one that is damaged."""
    try:
        stored = await photos.get(ANCHOR)
    except NotFound:
        return Head(), 0
    return read_head(stored.data.decode(errors="replace")), stored.generation


async def anchor(records: RecordStore, photos: PhotoStore) -> bool:
    """Bring the anchor up to date; False, and nothing is written, where the log does not hold what it names.

    The anchor is read before the log, so that an entry of this moment cannot make the log look cut off.
    """
    try:
        old, generation = await stored_anchor(photos)
    except ValueError:
        log.error("the audit log's anchor is damaged")
        return False
    head = await records.audit_head()
    if head == old:
        return True
    if not await holds(records, old):
        log.error("the audit log does not hold entry %s, which its anchor names", old)
        return False
    try:
        await photos.put(ANCHOR, f"{head}\n".encode(), if_generation=generation)
    except PreconditionFailed:
        log.info("another one has brought the audit log's anchor up to date")
    return True


async def holds(records: RecordStore, head: Head) -> bool:
    """Whether the log has that entry."""
    if head == Head():
        return True
    links = await records.audit_links(after=head.sequence - 1, limit=1)
    return bool(links) and links[0].head == head


async def verified(
    records: RecordStore, photos: PhotoStore, given: Head | None, entry: Callable[[str, str, str], AuditEntry]
) -> Verification:
    """Walk the log and hold it against its anchor and the head that the caller has kept; the log is told of it.

    `entry` makes an entry of action, subject and detail.
    """
    anchors = {} if given is None else {GIVEN: given}
    damaged = None
    try:
        anchors[ANCHORED] = (await stored_anchor(photos))[0]
    except ValueError:
        damaged = Fault(sequence=0, what="nothing is known of it, but the anchor is damaged")
    found = await verify(records, anchors)
    if damaged and found.whole:
        found = found.model_copy(update={"fault": damaged})
    await records.audit(entry("verify", "audit", str(found)))
    return found
