"""The emulator answers queries that Firestore refuses for want of an index: so each that is sent is checked here."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from google.cloud.firestore_v1.types import CommitRequest, RunAggregationQueryRequest, RunQueryRequest, StructuredQuery
from tests.conftest import ROOT
from tests.contract.conftest import new_project
from tests.contract.predictions import moment, prediction
from tests.contract.training_runs import training_run
from tests.emulators import Emulator
from tests.grpc_proxy import grpc_proxy

from nevus.adapters.firestore import FirestoreRecords
from nevus.adapters.firestore_runs import FirestoreRuns
from nevus.domain import AuditEntry, Consent, Context, Decision, Diagnosis, Modality, RunState, Status
from nevus.worklist import Wanted

FILE = json.loads((ROOT / "deploy/firestore.indexes.json").read_text())
DIRECTIONS = {1: "ASCENDING", 2: "DESCENDING"}
OPERATORS = StructuredQuery.FieldFilter.Operator
FACTS = Context(case_id="c1", modality=Modality.CLINICAL)

Call = tuple[str, bytes]


@dataclass(frozen=True)
class Index:
    """What a query needs: fields that must be equal, then (field, direction) in order."""

    collection: str
    equal: frozenset[str]
    ordered: tuple[tuple[str, str], ...]

    @property
    def composite(self) -> bool:
        """Whether Firestore's own indexes of single fields do not suffice."""
        return len(self.ordered) + bool(self.equal) > 1


def needed(query: StructuredQuery) -> Index:
    """By Firestore's rules: equalities in any order, then the fields of order, of which the name's is implied."""
    where = query.where
    filters = [each.field_filter for each in where.composite_filter.filters] or [where.field_filter]
    same = {each.field.field_path for each in filters if each.op in (OPERATORS.EQUAL, OPERATORS.IN)}
    compared = [
        each.field.field_path for each in filters if each.field.field_path and each.field.field_path not in same
    ]
    orders = [(each.field.field_path, DIRECTIONS[each.direction]) for each in query.order_by] or [
        (name, "ASCENDING") for name in compared
    ]
    assert set(compared) <= {orders[0][0]} if orders else not compared, "Firestore orders first by what is compared"
    if orders and orders[-1][0] == "__name__":
        name = orders.pop()
        assert name[1] == (orders[-1][1] if orders else "ASCENDING"), "another direction for the name is another index"
    return Index(query.from_[0].collection_id, frozenset(same - {""}), tuple(orders))


def declared(index: dict[str, Any]) -> Index:
    """One of the file: the last field orders, and those before it from the first on that is descending."""
    assert index["queryScope"] == "COLLECTION"
    fields = [(each["fieldPath"], each["order"]) for each in index["fields"]]
    split = next((i for i, (_, order) in enumerate(fields[:-1]) if order == "DESCENDING"), len(fields) - 1)
    return Index(index["collectionGroup"], frozenset(name for name, _ in fields[:split]), tuple(fields[split:]))


async def call_everything(records: FirestoreRecords, runs: FirestoreRuns) -> None:
    """Every query and every kind of document that there is."""
    for name in "abc":
        await records.create(prediction(name, context=FACTS, consent=Consent(training=True), review=3))
        diagnosis = Diagnosis(label="nevus", malignant=False, confirmed_by="cleo", confirmed_at=moment(1))
        await records.replace((await records.get(name)).model_copy(update={"diagnosis": diagnosis}))
    for owner in ("anna", None):
        for case_id in ("c1", None):
            first = await records.page(owner=owner, case_id=case_id, limit=1)
            await records.page(owner=owner, case_id=case_id, cursor=first.cursor)
    await records.confirmed(cursor=(await records.confirmed(limit=1)).cursor)
    await records.diagnosed(cursor=(await records.diagnosed(limit=1)).cursor)
    await records.review(cursor=(await records.review(limit=1)).cursor)
    for answer in (None, Decision.REFER, Status.COMPLETE):
        for modality in (None, Modality.CLINICAL):
            wanted = Wanted(answer=answer, modality=modality)
            await records.worklist(wanted, cursor=(await records.worklist(Wanted(), limit=1)).cursor)
    await records.starting_with("a", limit=3)
    await records.since((moment(0), "a"), before=moment(9), limit=3)
    await records.with_status(Status.COMPLETE, before=moment(9), limit=3)
    await records.counts()
    await records.erase("a", at=moment(1))
    await records.forget_tombstones(before=moment(2))
    await records.audit(AuditEntry(at=moment(0), actor="cleo", action="erase", subject="a"))
    await records.audit_log()
    await records.audit_links(after=1)
    await records.audit_head()
    for name in "rs":
        await runs.begin(training_run(name))
        await runs.active()
        await runs.replace(training_run(name, state=RunState.FAILED))
    await runs.page(cursor=(await runs.page(limit=1)).cursor)


async def recorded(emulator: Emulator) -> list[Call]:
    """What goes over the wire meanwhile."""
    async with grpc_proxy(emulator.address) as proxy:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("FIRESTORE_EMULATOR_HOST", proxy.address)
            project = new_project()
            records, runs = FirestoreRecords(project), FirestoreRuns(project)
        await call_everything(records, runs)
        await records.close()
        await runs.close()
        return proxy.calls


@pytest.fixture(scope="module")
def calls(firestore: Emulator) -> list[Call]:
    return asyncio.run(recorded(firestore))


def queries(calls: list[Call]) -> set[Index]:
    sent = [RunQueryRequest.deserialize(each).structured_query for method, each in calls if method == "RunQuery"]
    counted = [RunAggregationQueryRequest.deserialize(r) for m, r in calls if m == "RunAggregationQuery"]
    return {needed(each) for each in [*sent, *(r.structured_aggregation_query.structured_query for r in counted)]}


def stored(calls: list[Call]) -> set[tuple[str, str]]:
    """(collection, field) of everything written."""
    commits = [CommitRequest.deserialize(request) for method, request in calls if method == "Commit"]
    documents = [write.update for commit in commits for write in commit.writes]
    return {(each.name.split("/")[-2], name) for each in documents if each.name for name in each.fields}


def test_every_query_has_its_index_and_every_index_its_query(calls: list[Call]) -> None:
    indexes = [declared(each) for each in FILE["indexes"]]
    assert len(set(indexes)) == len(indexes)
    assert set(indexes) == {query for query in queries(calls) if query.composite}


def test_fields_are_indexed_if_and_only_if_a_query_uses_them(calls: list[Call]) -> None:
    used = {(q.collection, name) for q in queries(calls) for name in (*q.equal, *(field for field, _ in q.ordered))}
    exempt = {(each["collectionGroup"], each["fieldPath"]) for each in FILE["fieldOverrides"]}
    assert exempt == stored(calls) - used
    assert all(each["indexes"] == [] for each in FILE["fieldOverrides"])
    lifetimes = [each["fieldPath"] for each in FILE["fieldOverrides"] if each.get("ttl")]
    assert lifetimes == ["expires_at"]


def test_every_call_of_the_stores_was_made(calls: list[Call]) -> None:
    assert {"Commit", "BatchGetDocuments", "RunQuery", "RunAggregationQuery"} == {method for method, _ in calls}
    source = "".join(map(str, call_everything.__code__.co_names))
    for store in (FirestoreRecords, FirestoreRuns):
        for name in vars(store):
            assert name.startswith("_") or name == "close" or name in source, name
