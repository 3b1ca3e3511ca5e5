"""What is done to the audit log behind Nevus' back in Firestore is found."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from google.cloud.firestore import AsyncClient
from tests.contract.conftest import new_project
from tests.emulators import Emulator

from nevus.adapters.firestore import FirestoreRecords
from nevus.audit import by_service, hash_of
from nevus.audit_links import Head
from nevus.audit_verification import Verification, verify
from nevus.ports import Unavailable

ENTRIES = 4


@pytest.fixture
async def client(firestore: Emulator, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[AsyncClient]:
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", firestore.address)
    client = AsyncClient(project=new_project())
    yield client
    await client._firestore_api.transport.close()


@pytest.fixture
async def records(client: AsyncClient) -> AsyncIterator[FirestoreRecords]:
    records = FirestoreRecords(str(client.project))
    for n in range(ENTRIES):
        await records.audit(by_service("train", f"run {n}"))
    yield records
    await records.close()


async def stored(client: AsyncClient, sequence: int) -> dict[str, Any]:
    return (await client.document(f"chain/{sequence:012d}").get()).to_dict() or {}


async def put(client: AsyncClient, place: str, fields: dict[str, Any]) -> None:
    await client.document(place).set(fields)


async def changed(client: AsyncClient, sequence: int, **fields: object) -> None:
    await put(client, f"chain/{sequence:012d}", await stored(client, sequence) | fields)


async def other_text(client: AsyncClient) -> None:
    await changed(client, 2, entry=(await stored(client, 2))["entry"].replace("run 1", "run 7"))


async def other_text_with_its_hash(client: AsyncClient) -> None:
    text = (await stored(client, 2))["entry"].replace("run 1", "run 7")
    await changed(client, 2, entry=text, hash=hash_of(text.encode()))


async def swapped(client: AsyncClient) -> None:
    second, third = await stored(client, 2), await stored(client, 3)
    await put(client, "chain/000000000002", third)
    await put(client, "chain/000000000003", second)


async def copied(client: AsyncClient, name: str) -> None:
    await put(client, f"chain/{name}", await stored(client, ENTRIES))


async def head_moved(client: AsyncClient, sequence: int) -> None:
    digest = (await stored(client, sequence)).get("hash", "")
    await put(client, "heads/audit", {"sequence": sequence, "hash": digest})


Damage = Callable[[AsyncClient], Awaitable[object]]
DAMAGES: dict[str, Damage] = {
    "another text": other_text,
    "another text with its hash": other_text_with_its_hash,
    "a byte more": lambda client: changed(client, 4, hash="0"),
    "another hash": lambda client: changed(client, 1, hash="0" * 64),
    "another type": lambda client: changed(client, 1, entry=b"{}"),
    "one field more": lambda client: changed(client, 3, note="x"),
    "the first is gone": lambda client: client.document("chain/000000000001").delete(),
    "one is gone": lambda client: client.document("chain/000000000003").delete(),
    "the last is gone": lambda client: client.document("chain/000000000004").delete(),
    "two swapped": swapped,
    "one before": lambda client: copied(client, "000000000000"),
    "one between": lambda client: copied(client, "000000000002a"),
    "one behind": lambda client: copied(client, "000000000005"),
    "one of another name": lambda client: copied(client, "x"),
    "the head is gone": lambda client: client.document("heads/audit").delete(),
    "the head is damaged": lambda client: put(client, "heads/audit", {"sequence": "4", "hash": "0"}),
    "the head moved back": lambda client: head_moved(client, 2),
    "the head moved on": lambda client: head_moved(client, 9),
}


async def found(records: FirestoreRecords, anchors: dict[str, Head]) -> Verification | None:
    try:
        return await verify(records, anchors)
    except Unavailable:
        return None


@pytest.mark.parametrize("damage", DAMAGES)
async def test_damage_is_found(client: AsyncClient, records: FirestoreRecords, damage: str) -> None:
    assert (await verify(records, {})).whole
    await DAMAGES[damage](client)
    verification = await found(records, {})
    assert verification is None or not verification.whole


async def test_a_tail_that_was_cut_off_is_found_by_an_anchor(client: AsyncClient, records: FirestoreRecords) -> None:
    anchor = await records.audit_head()
    await client.document("chain/000000000004").delete()
    await head_moved(client, 3)
    assert (await verify(records, {})).whole
    for _ in range(2):
        fault = (await verify(records, {"the anchor": anchor})).fault
        assert fault is not None
        assert fault.sequence == ENTRIES
        await records.audit(by_service("train", "another"))


async def test_an_entry_in_the_way_stops_the_log_and_is_said_so(client: AsyncClient, records: FirestoreRecords) -> None:
    await copied(client, "000000000005")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nevus.adapters.firestore_audit.ATTEMPTS", 2)
        with pytest.raises(Unavailable):
            await records.audit(by_service("train", "run"))
    assert await records.audit_head() == Head(ENTRIES, (await stored(client, ENTRIES))["hash"])
