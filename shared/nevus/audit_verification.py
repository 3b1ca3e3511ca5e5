"""Walking the whole audit log: does every entry follow the one before, and does the log still reach where it once did?

Found: any changed byte of an entry or of its hash; entries that are missing, doubled, swapped or put in between; an end
that was cut off, as far as something outside still names it (an anchor). Not found: a log that was written anew, hash
by hash, by someone who could also replace every anchor; entries that someone who knows this page puts behind the last.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

from nevus.audit import UNREADABLE, Chain, chained, entry_of, hash_of
from nevus.audit_links import Head, Link
from nevus.domain import Frozen

PAGE = 500
OWN_HEAD = "the log's own head"


class Fault(Frozen):
    """The first thing that is wrong, and the number of the entry where it is."""

    sequence: int
    what: str


class Verification(Frozen):
    """How far the log was walked, and where it ends; `fault` is None for a whole one."""

    entries: int
    head: str
    fault: Fault | None = None

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None

    def __str__(self) -> str:
        if self.fault is None:
            return f"whole: {self.entries} entries, head {self.head}"
        return f"broken at entry {self.fault.sequence}: {self.fault.what}"


async def verify(chain: Chain, anchors: Mapping[str, Head]) -> Verification:
    """Walk it in pages; `anchors` are heads that it has had, by what they are called. Raises Unavailable."""
    points = {**anchors, OWN_HEAD: await chain.audit_head()}
    last, fault = Head(), astray(points, Head())
    async for link in walk(chain):
        fault = fault or fault_of(link, last) or astray(points, link.head)
        if fault:
            return Verification(entries=last.sequence, head=str(last), fault=fault)
        last = link.head
    end = await chain.audit_head()
    if not fault and end.sequence < last.sequence:
        fault = Fault(sequence=end.sequence + 1, what=f"it lies behind {OWN_HEAD}")
    fault = fault or cut_off(points, last)
    return Verification(entries=last.sequence, head=str(last), fault=fault)


async def walk(chain: Chain) -> AsyncIterator[Link]:
    """Every link, oldest first."""
    after: int | None = None
    while page := await chain.audit_links(after=after, limit=PAGE):
        for link in page:
            yield link
        after = page[-1].sequence


def fault_of(link: Link, last: Head) -> Fault | None:
    """What is wrong with the link that comes after `last`, if anything is."""
    expected = last.sequence + 1
    if link.sequence > expected:
        return Fault(sequence=expected, what="it is missing")
    if link.sequence < expected:
        return Fault(sequence=expected, what="something lies before it that is no entry")
    if hash_of(link.text) != link.hash:
        return Fault(sequence=expected, what="its text or its hash was changed")
    entry = entry_of(link)
    if entry.action == UNREADABLE or chained(entry, last) != link:
        return Fault(sequence=expected, what="it does not follow the entry before")
    return None


def astray(points: Mapping[str, Head], here: Head) -> Fault | None:
    """Whether something names another hash for this place."""
    for name, point in points.items():
        if point.sequence == here.sequence and point.hash != here.hash:
            return Fault(sequence=here.sequence, what=f"{name} names another hash for it")
    return None


def cut_off(points: Mapping[str, Head], last: Head) -> Fault | None:
    """Whether something names an entry behind the last."""
    for name, point in points.items():
        if point.sequence > last.sequence:
            return Fault(
                sequence=last.sequence + 1, what=f"the log ends before it; {name} names entry {point.sequence}"
            )
    return None
