"""The clinicians' worklist: a part of it, what is found by a number, the next one, and what stands in its CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from gateway.problems import Problem
from gateway.services import Services
from nevus import clock
from nevus.audit import by
from nevus.domain import Caller, Prediction
from nevus.ports import Page
from nevus.review import MISSED, OVERCALLED, disagreement
from nevus.worklist import Reviewed, Wanted

ON_A_PAGE, IN_A_READ, FOUND_AT_MOST = 25, 100, 25
ID, CASE = re.compile("[a-z2-7]{1,26}"), re.compile("[A-Za-z0-9_-]{1,64}")
EVERYTHING = "all"
OPEN = Wanted(reviewed=Reviewed.OPEN)
APART = {MISSED: "missed", OVERCALLED: "overcalled"}
FORMULA = ("=", "+", "-", "@", "\t", "\r")  # what a spreadsheet would run


@dataclass(frozen=True)
class View:
    """A part of the list as an address names it: unless it says otherwise, what no clinician has seen."""

    wanted: Wanted = OPEN

    @property
    def query(self) -> str:
        """For an address; empty for the usual part."""
        reviewed = self.wanted.reviewed
        said = {"answer": self.wanted.answer, "modality": self.wanted.modality}
        named = {name: value.value for name, value in said.items() if value}
        shown = {} if reviewed is Reviewed.OPEN else {"reviewed": reviewed.value if reviewed else EVERYTHING}
        return urlencode(named | shown)

    def path(self, start: str, **more: str | None) -> str:
        """An address with this part, and more in its query where that is not None."""
        added = urlencode({name: value for name, value in more.items() if value is not None})
        query = "&".join(part for part in (self.query, added) if part)
        return f"{start}?{query}" if query else start


def view_of(answer: str = "", modality: str = "", reviewed: str = Reviewed.OPEN) -> View:
    """Of an address, where an empty text is no condition; raises Problem `invalid-request`."""
    seen = None if reviewed in ("", EVERYTHING) else reviewed
    try:
        return View(Wanted.model_validate({"answer": answer or None, "modality": modality or None, "reviewed": seen}))
    except ValueError:
        raise Problem("invalid-request", "answer, modality, reviewed: take them from the page") from None


async def listed(services: Services, view: View, cursor: str | None) -> Page:
    """One page; raises Problem for a cursor that no page gave."""
    try:
        return await services.records.worklist(view.wanted, cursor=cursor, limit=ON_A_PAGE)
    except ValueError:
        raise Problem("invalid-request", "cursor: take it from an earlier page") from None


async def following(services: Services, view: View, record: Prediction) -> Prediction | None:
    """The one that comes after the place of a record, as that stood before it changed."""
    page = await services.records.worklist(view.wanted, after=record, limit=1)
    return page.items[0] if page.items else None


async def search(services: Services, text: str) -> tuple[Prediction, ...]:
    """By the beginning of a photo's number, or a case's whole name."""
    found: dict[str, Prediction] = {}
    number, case = text.strip().lower(), re.sub(r"\s+", "-", text.strip())
    if ID.fullmatch(number):
        found |= {each.id: each for each in await services.records.starting_with(number, limit=FOUND_AT_MOST)}
    if CASE.fullmatch(case):
        of_case = await services.records.page(owner=None, case_id=case, limit=FOUND_AT_MOST)
        found |= {each.id: each for each in of_case.items}
    return tuple(found.values())


def apart(record: Prediction) -> str:
    """`missed` or `overcalled` where the diagnosis does not agree with the decision, else empty."""
    return APART.get(disagreement(record.result, record.diagnosis), "") if record.diagnosis else ""


async def table(services: Services, caller: Caller, view: View) -> AsyncIterator[str]:
    """The part as CSV, all of its pages, in pieces; that it was taken is on the audit log before. Raises PortError."""
    await services.records.audit(by(caller, "export", "worklist", view.query))
    page = await services.records.worklist(view.wanted, limit=IN_A_READ)

    async def pieces() -> AsyncIterator[str]:
        read = page
        yield lines([COLUMNS])
        while True:
            yield lines(map(row, read.items))
            if read.cursor is None:
                return
            read = await services.records.worklist(view.wanted, cursor=read.cursor, limit=IN_A_READ)

    return pieces()


COLUMNS = (
    "id", "created_at", "status", "decision", "probability", "threshold", "conformal_set", "reasons", "modality", "age",
    "sex", "site", "fitzpatrick", "case_id", "sharpness", "brightness", "ood_score", "ood_threshold", "ita",
    "fst_estimate", "model", "version", "diagnosis", "malignant", "confirmed_at", "disagreement",
)  # fmt: skip


def row(record: Prediction) -> tuple[object, ...]:
    """In the order of COLUMNS, and no word of whose photo it is."""
    said, model, found = record.context, record.model, record.diagnosis
    context = (said.modality, said.age, said.sex, said.site, said.fitzpatrick, said.case_id)
    answered = (model.name, model.version) if model else (None, None)
    confirmed = (found.label, int(found.malignant), found.confirmed_at.isoformat()) if found else (None, None, None)
    measured, image = reading(record)
    begin = (record.id, record.created_at.isoformat(), record.status)
    return (*begin, *measured, *context, *image, *answered, *confirmed, apart(record))


def reading(record: Prediction) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """What was decided and by what, and what was measured of the photo; empty where nothing was assessed."""
    result = record.result
    if result is None:
        return (None,) * 5, (None,) * 6
    decided = (result.decision, result.probability, result.operating_point.threshold)
    sets = (" ".join(result.conformal_set), " ".join(result.reasons))
    photo = (result.quality.sharpness, result.quality.brightness, result.ood.score, result.ood.threshold)
    return (*decided, *sets), (*photo, result.skin_tone.ita, result.skin_tone.fst_estimate)


def lines(rows: Iterable[Iterable[object]]) -> str:
    """CSV (RFC 4180); a text that a spreadsheet would take for a formula gets an apostrophe before it."""
    out = io.StringIO()
    csv.writer(out).writerows([harmless(cell) for cell in cells] for cells in rows)
    return out.getvalue()


def harmless(cell: object) -> object:
    """A number stays a number, also a negative one."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(FORMULA) else cell


def file_name() -> str:
    """Of the download, with its day."""
    return f"nevus-worklist-{clock.now():%Y-%m-%d}.csv"
