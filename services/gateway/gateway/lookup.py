"""Finding records that a caller may see, and what may be done with them."""

from __future__ import annotations

from gateway.predict import erased
from gateway.problems import Problem
from gateway.services import Services
from nevus import clock
from nevus.audit import by
from nevus.domain import Caller, Diagnosis, Prediction, Role
from nevus.ports import Gone, NotFound, Page, PreconditionFailed
from nevus.review import priority

TRIES = 5


async def find(services: Services, caller: Caller, record_id: str) -> Prediction:
    """Raises Problem: `not-found` (also for what belongs to somebody else), `erased`."""
    try:
        record = await services.records.get(record_id)
    except NotFound:
        raise not_found() from None
    except Gone:
        raise erased() from None
    if record.owner != caller.id and caller.role is Role.CLIENT:
        raise not_found()
    return record


async def page(services: Services, caller: Caller, case_id: str | None, cursor: str | None, limit: int) -> Page:
    """Newest first: a client's own, everyone's for others. Raises Problem for a cursor that no page gave."""
    owner = caller.id if caller.role is Role.CLIENT else None
    try:
        return await services.records.page(owner=owner, case_id=case_id, cursor=cursor, limit=limit)
    except ValueError:
        raise Problem("invalid-request", "cursor: take it from an earlier page") from None


async def review(services: Services, caller: Caller, case_id: str | None, cursor: str | None, limit: int) -> Page:
    """What a clinician should look at first. Raises Problem: `forbidden`, `invalid-request`."""
    if caller.role is Role.CLIENT:
        raise Problem("forbidden", "The order of review is for clinicians and admins.")
    if case_id is not None:
        raise Problem("invalid-request", "order: the photos of one case have no order of review")
    try:
        return await services.records.review(cursor=cursor, limit=limit)
    except ValueError:
        raise Problem("invalid-request", "cursor: take it from an earlier page") from None


async def photo(services: Services, record: Prediction) -> bytes:
    """The clean photo's JPEG bytes; raises Problem `not-found`."""
    try:
        return (await services.photos.get(record.photo.key(record.id))).data
    except NotFound:
        raise not_found() from None


async def diagnose(services: Services, caller: Caller, record_id: str, label: str, malignant: bool) -> Prediction:
    """Set a clinician's confirmed diagnosis; raises Problem."""
    for _ in range(TRIES):
        record = await find(services, caller, record_id)
        moment = clock.now()
        diagnosis = Diagnosis(
            label=label, malignant=malignant, confirmed_by=caller.id, confirmed_at=moment, role=caller.role
        )
        entry = by(caller, "diagnose", record_id, "replaces an earlier one" if record.diagnosis else "")
        try:
            changed = await services.records.replace(diagnosed(record, diagnosis), entry=entry)
        except PreconditionFailed:
            continue
        except (NotFound, Gone):
            raise erased() from None
        services.neighbours.learn(changed)
        return changed
    raise Problem("precondition-failed", "It changes too fast; please try again.")


def diagnosed(record: Prediction, diagnosis: Diagnosis) -> Prediction:
    """The record with its diagnosis, and where it now stands in the order of review."""
    changed = record.model_copy(update={"diagnosis": diagnosis})
    return changed.model_copy(update={"review": priority(changed)})


async def erase(services: Services, caller: Caller, record_id: str) -> None:
    """Remove photo and record for good and leave a tombstone; the owner and admins may. Raises Problem.

    The photo goes first: should this be cut short, the record is still there to be erased again.
    """
    record = await find(services, caller, record_id)
    if record.owner != caller.id and caller.role is not Role.ADMIN:
        raise Problem("forbidden", "Only its owner or an admin may delete it.")
    await services.photos.delete(record.photo.key(record.id))
    try:
        await services.records.erase(record_id, at=clock.now(), entry=by(caller, "erase", record_id))
    except (NotFound, Gone):
        raise erased() from None


def not_found() -> Problem:
    """404."""
    return Problem("not-found", "There is no such prediction.")
