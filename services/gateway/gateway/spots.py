"""A person's spots: the photos of one spot (a case) in the order of time, and what has changed between them."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from gateway.guidance import beyond_evidence
from gateway.lookup import not_found
from gateway.problems import Problem
from gateway.services import Services
from nevus.domain import Caller, Decision, Prediction, Status
from nevus.ports import Page
from nevus.review import CALLS, log_odds

OVERVIEW = 60  # photos looked through for spots at once
LONGEST = 64


@dataclass(frozen=True)
class Spot:
    """Photos of one spot, newest first."""

    case_id: str
    photos: tuple[Prediction, ...]

    @property
    def name(self) -> str:
        """As a person would write it."""
        return name_of(self.case_id)

    @property
    def latest(self) -> Prediction:
        """The last photo."""
        return self.photos[0]


@dataclass(frozen=True)
class Step:
    """A photo after the one before it: how many days later, and the state before where it was another."""

    record: Prediction
    days: int | None = None
    before: str | None = None


@dataclass(frozen=True)
class Reading:
    """Where a photo's reading lies: `across` time, 0..1, and `over` the line at which it is referred, -1..1."""

    record: Prediction
    across: float
    over: float


def state(record: Prediction) -> str:
    """The decision where there is one, else the status."""
    complete = record.status is Status.COMPLETE and record.result is not None
    return record.result.decision.value if complete and record.result else record.status.value


def name_of(case_id: str) -> str:
    """`left-arm` is "left arm"."""
    return re.sub("[-_]+", " ", case_id).strip() or case_id


def case_of(name: str) -> str | None:
    """The case of a name as a person writes it: "Muñeca" is `Muneca`; None where no letter or digit is left."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub("[^A-Za-z0-9]+", "-", plain).strip("-")[:LONGEST].strip("-") or None


def chosen_case(case_id: str, name: str) -> str | None:
    """What a form says: a new name, else one of the spots that there are; raises Problem `invalid-request`."""
    if not name.strip():
        return case_id or None
    named = case_of(name)
    if named is None:
        raise Problem("invalid-request", "spot_name: use some letters from a to z, or digits")
    return named


async def own(
    services: Services, caller: Caller, case_id: str | None = None, cursor: str | None = None, limit: int = OVERVIEW
) -> Page:
    """The caller's own photos, whatever the role. Raises Problem for a cursor that no page gave."""
    try:
        return await services.records.page(owner=caller.id, case_id=case_id, cursor=cursor, limit=limit)
    except ValueError:
        raise Problem("invalid-request", "cursor: take it from an earlier page") from None


async def spot(services: Services, caller: Caller, case_id: str) -> Spot:
    """Its last photos; raises Problem `not-found` where the caller has none."""
    page = await own(services, caller, case_id)
    if not page.items:
        raise not_found()
    return Spot(case_id, page.items)


async def case_of_record(services: Services, record: Prediction) -> Spot | None:
    """The spot that a photo is of, as its owner has it."""
    case_id = record.context.case_id
    if case_id is None:
        return None
    return Spot(case_id, (await services.records.page(owner=record.owner, case_id=case_id, limit=OVERVIEW)).items)


def grouped(photos: Sequence[Prediction]) -> tuple[tuple[Spot, ...], tuple[Prediction, ...]]:
    """The spots, that of the newest photo first, and the photos of none."""
    cases: dict[str, list[Prediction]] = {}
    for record in photos:
        if record.context.case_id:
            cases.setdefault(record.context.case_id, []).append(record)
    spots = tuple(Spot(case_id, tuple(items)) for case_id, items in cases.items())
    return spots, tuple(record for record in photos if not record.context.case_id)


def steps(photos: Sequence[Prediction]) -> tuple[Step, ...]:
    """Of photos newest first."""
    followed = pairwise(photos)
    return (*(step(newer, older) for newer, older in followed), *(Step(first) for first in photos[-1:]))


def step(newer: Prediction, older: Prediction) -> Step:
    """From one photo to the next."""
    days = (newer.created_at.date() - older.created_at.date()).days
    return Step(newer, days, state(older) if state(older) != state(newer) else None)


def pair(photos: Sequence[Prediction], first: str, second: str) -> tuple[Prediction, Prediction] | None:
    """Two photos to see side by side, the older one first: those named, else the first and the last."""
    if len(photos) < 2:  # a pair
        return None
    known = {record.id: record for record in photos}
    ends = known.get(first, photos[-1]), known.get(second, photos[0])
    if ends[0] is ends[1]:
        ends = photos[-1], photos[0]
    older, newer = sorted(ends, key=lambda record: record.created_at)
    return older, newer


def readings(photos: Sequence[Prediction]) -> tuple[Reading, ...]:
    """Of those whose reading counted, oldest first."""
    read = [record for record in reversed(photos) if was_read(record)]
    if not read:
        return ()
    start, end = read[0].created_at, read[-1].created_at
    length = (end - start).total_seconds() or 1.0
    return tuple(
        Reading(each, (each.created_at - start).total_seconds() / length, over_the_line(each)) for each in read
    )


def was_read(record: Prediction) -> bool:
    """Whether its answer rests on the model's reading."""
    result = record.result
    return result is not None and result.probability is not None and not beyond_evidence(result)


def over_the_line(record: Prediction) -> float:
    """How far a photo's reading is over (above 0) or under the line at which it is referred: log odds, in -1..1."""
    if record.result is None or record.result.probability is None:
        return 0.0
    return math.tanh((log_odds(record.result.probability) - log_odds(record.result.operating_point.threshold)) / 2)


def still_to_be_seen(record: Prediction, photos: Sequence[Prediction]) -> bool:
    """Whether a photo calls for no visit, and another of its spot does that no clinician has looked at."""
    routine = record.result is not None and record.result.decision is Decision.ROUTINE
    return routine and any(
        other.result and other.result.decision in CALLS and other.diagnosis is None
        for other in photos
        if other.id != record.id
    )
