"""What must be true in the end, whatever has failed on the way."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.simulation.people import Told
from tests.simulation.world import World

from gateway import audit_log, drain, monitor
from nevus.audit_verification import verify
from nevus.domain import Prediction, Status
from nevus.ports import Gone, PortError
from nevus.registry import sha256

OURS = (audit_log.PREFIX, monitor.PREFIX, drain.PREFIX)


async def broken(world: World, told: Told) -> list[str]:
    """Every promise that was not kept."""
    page = await world.records.page(owner=None, limit=1000)
    records = {record.id: record for record in page.items}
    found = [*told.unforeseen, *once(records, told), *nothing_left_over(world, records)]
    for record in records.values():
        found += terminal(record)
        found += photo_is_there(world, record, told)
    for record_id, said in told.acknowledged.items():
        if record_id not in told.erasing:
            found += kept(records.get(record_id), said, told)
    for record_id in told.erased:
        found += await gone(world, record_id)
    return found + await chain_is_whole(world, told) + await trained(world, told)


def terminal(record: Prediction) -> Iterator[str]:
    """Complete with a result, or failed with a reason."""
    assessed = record.status is Status.COMPLETE and record.result is not None
    if not assessed and not (record.status is Status.FAILED and record.error):
        yield f"{record.id} is {record.status}"


def photo_is_there(world: World, record: Prediction, told: Told) -> Iterator[str]:
    """Byte for byte, unless somebody has begun to erase it."""
    stored = world.photos.objects.get(record.photo.key(record.id))
    if stored is None and record.id not in told.erasing:
        yield f"{record.id} has lost its photo"
    if stored is not None and sha256(stored.data) != record.photo.sha256:
        yield f"{record.id} has another photo"


def kept(record: Prediction | None, said: dict[str, Any], told: Told) -> Iterator[str]:
    """What was answered is on record as it was answered, and so is what a clinician found."""
    if record is None:
        yield f"{said['id']} was acknowledged, and is lost"
        return
    if said["status"] != Status.PENDING and said["status"] != record.status:
        yield f"{record.id} was answered as {said['status']}, and is {record.status}"
    if said["result"] and (record.result is None or said["result"]["probability"] != record.result.probability):
        yield f"{record.id} has another result than was answered"
    if said["photo"]["sha256"] != record.photo.sha256:
        yield f"{record.id} was answered for another photo"
    label = told.diagnosed.get(record.id)
    if label and (record.diagnosis is None or record.diagnosis.label != label):
        yield f"{record.id} has lost its diagnosis"


def once(records: dict[str, Prediction], told: Told) -> Iterator[str]:
    """One record for a key, and one at most for a request without one; none that nobody has asked for."""
    yield from (f"{key} has {len(ids)} records" for key, ids in told.ids_of.items() if len(ids) > 1)
    yield from (f"{key} was answered for two photos" for key, seen in told.photos_of.items() if len(seen) > 1)
    names = [record.context.case_id for record in records.values()]
    yield from (f"{name} has {names.count(name)} records" for name in set(names) if names.count(name) > 1)
    yield from (f"nobody has sent {name}" for name in set(names) - told.sent)


def nothing_left_over(world: World, records: dict[str, Prediction]) -> Iterator[str]:
    """Every object is the photo of a record."""
    named = {record.photo.key(record.id) for record in records.values()}
    yield from (f"{key} is left over" for key in world.photos.objects if key not in named and not key.startswith(OURS))


async def gone(world: World, record_id: str) -> list[str]:
    """Of an erased one there is the tombstone, and its entry in the audit log; nothing else."""
    try:
        await world.records.get(record_id)
        found = [f"{record_id} was erased, and is there"]
    except Gone:
        found = []
    except PortError:
        found = [f"{record_id} was erased, and has no tombstone"]
    log = await world.records.audit_log(limit=1000)
    entries = [entry for entry in log if entry.action == "erase" and entry.subject == record_id]
    return found + ([] if len(entries) == 1 else [f"{record_id} has {len(entries)} entries of its erasure"])


async def chain_is_whole(world: World, told: Told) -> list[str]:
    """The audit log and its anchor, which names the last entry."""
    anchored, _ = await audit_log.stored_anchor(world.photos)
    found = await verify(world.records, {"the anchor": anchored})
    if not found.whole:
        return [str(found)]
    return [] if anchored == await world.records.audit_head() else ["the anchor lags behind"]


async def trained(world: World, told: Told) -> list[str]:
    """Every run that was acknowledged, and every other one, has ended, and the audit log tells it."""
    runs = (await world.runs.page(limit=100)).items
    lost = told.runs - {run.id for run in runs}
    unfinished = [run.id for run in runs if run.state.active or not run.end_told]
    return [f"run {each} is lost" for each in lost] + [f"run {each} is not at its end" for each in unfinished]
