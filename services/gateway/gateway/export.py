"""Everything that is kept of a person's photos, as one ZIP file that is written while it is sent."""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator

from gateway import lookup, spots
from gateway.problems import Problem
from gateway.services import Services
from gateway.views import show
from nevus.audit import by
from nevus.domain import Caller, Prediction
from nevus.ports import Page

AT_ONCE = 50
README = """Your photos and answers from Nevus.

photos/DATE_ID.jpg    a photo as it was kept: without the place, the camera or other details of the file you sent
answers/DATE_ID.json  what you said about it, the answer, the model that gave it, and what you agreed to

Nevus is not a medical device and makes no diagnosis. "probability" is a number among the photos that the model was
checked on. It is not your own risk.
"""


class Growing(io.RawIOBase):
    """A file that is taken away while it is written, and cannot be wound back."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: object) -> int:
        """Keep it until it is taken."""
        part = bytes(memoryview(data))  # type: ignore[arg-type]  # whatever a file takes
        self._parts.append(part)
        return len(part)

    def take(self) -> bytes:
        """What has been written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken


async def export(services: Services, caller: Caller) -> AsyncIterator[bytes]:
    """The parts of the file, of the caller's own records alone; raises Problem before the first of them or never."""
    first = await spots.own(services, caller, limit=AT_ONCE)
    await services.records.audit(by(caller, "export", caller.id))
    return parts(services, caller, first)


async def parts(services: Services, caller: Caller, page: Page) -> AsyncIterator[bytes]:
    """From the first page of records to the end of the file; one that is cut short can be told from a whole one."""
    out = Growing()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("README.txt", README)
        while True:
            for record in page.items:
                await add(services, file, record)
                yield out.take()
            if page.cursor is None:
                break
            page = await spots.own(services, caller, cursor=page.cursor, limit=AT_ONCE)
    yield out.take()


async def add(services: Services, file: zipfile.ZipFile, record: Prediction) -> None:
    """A photo and its answer; what was erased meanwhile is left out."""
    name = f"{record.created_at:%Y-%m-%d}_{record.id}"
    try:
        photo = await lookup.photo(services, record)
    except Problem as problem:
        if problem.type != "not-found":
            raise
        return
    file.writestr(f"photos/{name}.jpg", photo)
    file.writestr(f"answers/{name}.json", show(record).model_dump_json(indent=2))
