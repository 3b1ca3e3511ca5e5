"""The clinicians' pages without a browser: what is listed, found, exported, sent and compared."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import pytest_asyncio
from tests.contract.predictions import moment, prediction, result
from tests.fakes import World, world
from tests.photos import lesion

from gateway import neighbours, worklist
from gateway.findings import finding_of
from gateway.neighbours import Neighbours
from gateway.problems import Problem
from gateway.worklist import COLUMNS, OPEN, View, apart, harmless, row, view_of
from nevus.domain import Context, Decision, Diagnosis, ModelRef, Prediction, Role, Status

MODEL, OTHER_MODEL = (ModelRef(name="m", version=version, sha256="0" * 64) for version in "12")
NEVUS = Diagnosis(label="nevus", malignant=False, confirmed_by="cleo", confirmed_at=moment(0))
PHOTO = lesion((160, 120), 1)


@pytest_asyncio.fixture
async def nevus(tmp_path: Path, models_dir: Path) -> AsyncIterator[World]:
    async with world(tmp_path, models_dir) as made:
        yield made


@pytest_asyncio.fixture
async def cleo(nevus: World) -> AsyncIterator[httpx.AsyncClient]:
    async with nevus.client(Role.CLINICIAN, "cleo") as client:
        yield client


def named(letter: str, **changes: Any) -> Prediction:
    return prediction(letter * 26, **changes)


def alike(letter: str, *embedding: float, **changes: Any) -> Prediction:
    raw = np.array(embedding, "<f2").tobytes()
    usual: dict[str, Any] = {"model": MODEL, "diagnosis": NEVUS}
    return named(letter, embedding=raw, **(usual | changes))


@pytest.mark.parametrize(
    "query", ["", "answer=refer", "answer=failed&reviewed=all", "answer=routine&modality=clinical&reviewed=disagreed"]
)
def test_a_part_of_the_list_is_its_address(query: str) -> None:
    assert view_of(**dict(part.split("=") for part in query.split("&") if part)).query == query
    assert View().path("/worklist", cursor=None, saved="a b") == "/worklist?saved=a+b"


def test_another_address_is_refused() -> None:
    for wrong in ({"answer": "benign"}, {"modality": "x-ray"}, {"reviewed": "maybe"}):
        with pytest.raises(Problem, match="invalid-request"):
            view_of(**wrong)


def test_a_spreadsheet_runs_nothing() -> None:
    assert [harmless(cell) for cell in ("=1+1", "+1", "-1", "@a", "\ta", "a=1", -12.5, None)] == [
        "'=1+1", "'+1", "'-1", "'@a", "'\ta", "a=1", -12.5, None,
    ]  # fmt: skip


def test_every_row_has_every_column_and_nobody_in_it() -> None:
    for record in (named("a"), named("b", status=Status.FAILED, result=None), named("c", diagnosis=NEVUS)):
        assert len(row(record)) == len(COLUMNS)
        assert not {"anna", "cleo"} & set(row(record))


def test_model_and_clinician_disagree() -> None:
    routine, melanoma = result(Decision.ROUTINE), NEVUS.model_copy(update={"malignant": True})
    told = [named("a"), named("a", diagnosis=NEVUS), named("a", diagnosis=melanoma)]
    told += [record.model_copy(update={"result": routine}) for record in told]
    assert [apart(record) for record in told] == ["", "overcalled", "", "", "", "missed"]


def test_a_form_says_what_was_found() -> None:
    assert finding_of("malignant:melanoma", "") == finding_of("malignant:", " melanoma ")
    assert not finding_of("benign:", "wart: plantar").malignant
    for choice, other in (("", ""), ("melanoma", ""), ("benign:", " "), ("benign:", "x" * 61)):
        with pytest.raises(Problem, match="invalid-request"):
            finding_of(choice, other)


async def test_the_most_alike_of_the_same_version_and_of_other_lesions(
    nevus: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "PAGE", 2)
    arm = Context(case_id="arm")
    own = alike("a", 1, 0, 0, context=arm, diagnosis=None)
    others = [
        alike("b", 0.5, 0.5, 0), alike("c", 9, 0.1, 0), alike("d", 1, 0, 0, model=OTHER_MODEL),
        alike("e", 1, 0, 0, context=arm), alike("f", 1, 0, 0, context=arm, owner="ben"), alike("g", 1, 0),
        alike("h", 0, 0, 0), alike("i", 1, 0, 0, diagnosis=None),
    ]  # fmt: skip
    for record in (own, *others):
        await nevus.records.create(record)
    memory = Neighbours()
    found = await memory.of(nevus.records, own)
    assert [each.record.id[0] for each in found] == ["f", "c", "b"]
    assert [each.cosine for each in found] == pytest.approx([1, 1, 0.7071], abs=1e-3)
    await nevus.records.erase("f" * 26, at=moment(1))
    await nevus.records.replace((await nevus.records.get("c" * 26)).model_copy(update={"diagnosis": None}))
    assert [each.record.id[0] for each in await memory.of(nevus.records, own)] == ["b"]
    late = alike("j", 2, 0, 0)
    await nevus.records.create(late)
    memory.learn(late)
    assert [each.record.id[0] for each in await memory.of(nevus.records, own)] == ["j", "b"]
    assert await memory.of(nevus.records, named("z", embedding=b"")) == ()


async def test_the_table_is_whole_and_on_the_audit_log(
    nevus: World, cleo: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worklist, "IN_A_READ", 2)
    for letter in "abcde":
        await nevus.records.create(named(letter, context=Context(site='=HYPERLINK("x")', case_id="c")))
    answer = await cleo.get("/worklist.csv")
    table = list(csv.DictReader(io.StringIO(answer.text)))
    assert [each["id"][0] for each in table] == list("edcba")
    assert {each["site"] for each in table} == {'\'=HYPERLINK("x")'}
    assert "attachment" in answer.headers["content-disposition"]
    assert (await nevus.records.audit_log())[0].action == "export"


async def test_what_is_found_alone_is_shown_at_once(nevus: World, cleo: httpx.AsyncClient) -> None:
    for letter, case in (("a", "left-arm"), ("b", "left-arm"), ("c", "leg")):
        await nevus.records.create(named(letter, context=Context(case_id=case)))
    for typed in ("aaaa", " AAAAA "):
        alone = await cleo.get("/worklist", params={"find": typed})
        assert (alone.status_code, alone.headers["location"]) == (303, f"/worklist/{'a' * 26}")
    both = await cleo.get("/worklist", params={"find": "left arm"})
    assert all(f"/worklist/{letter * 26}" in both.text for letter in "ab")
    assert "Nothing has this number" in (await cleo.get("/worklist", params={"find": "ä/../x"})).text


async def test_a_diagnosis_goes_on_to_the_next_and_at_last_back_to_the_list(
    nevus: World, cleo: httpx.AsyncClient
) -> None:
    for minutes, letter in enumerate("ab"):
        await nevus.records.create(named(letter, minutes=minutes))
    onward = []
    for letter in "ba":
        form = {"choice": "benign:nevus"}
        answer = await cleo.post(f"/worklist/{letter * 26}/diagnosis?answer=refer", data=form)
        onward.append(answer.headers["location"])
    assert onward == [f"/worklist/{'a' * 26}?answer=refer&saved={'b' * 26}", f"/worklist?answer=refer&saved={'a' * 26}"]
    assert not (await nevus.records.worklist(OPEN)).items
    found = (await nevus.records.get("a" * 26)).diagnosis
    assert found
    assert (found.label, found.malignant, found.confirmed_by) == ("nevus", False, "cleo")


async def test_a_form_of_photos_sent_twice_gives_the_same_records(nevus: World, cleo: httpx.AsyncClient) -> None:
    files = [("image", (f"{n}.jpg", lesion((160, 120), n), "image/jpeg")) for n in (1, 2)]
    files.append(("image", ("broken.jpg", b"no photo", "image/jpeg")))
    pages = [await cleo.post("/batch", data={"idempotency_key": "k"}, files=files) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert all("broken.jpg" in page.text and page.text.count('href="/worklist/') == 2 for page in pages)
    assert (await nevus.records.counts())["status:complete"] == 2


@pytest.mark.parametrize(
    ("files", "data", "status"),
    [
        ([("image", ("a.jpg", PHOTO, "image/jpeg"))] * 21, {}, 413),
        ([("image", ("a.jpg", b"\xff" * (21 * 1024 * 1024), "image/jpeg"))], {}, 413),
        ([("other", ("a.jpg", PHOTO, "image/jpeg"))], {}, 422),
        ([("image", ("a.jpg", PHOTO, "image/jpeg"))], {"modality": "x-ray"}, 422),
        ([("image", ("a.jpg", PHOTO, "image/jpeg"))], {"idempotency_key": "a b"}, 422),
    ],
    ids=["many", "large", "none", "modality", "key"],
)
async def test_a_form_that_is_wrong_is_told_so(
    cleo: httpx.AsyncClient, files: list[tuple[str, tuple[str, bytes, str]]], data: dict[str, str], status: int
) -> None:
    answer = await cleo.post("/batch", data=data, files=files)
    assert answer.status_code == status
    assert ("room for 20 photos" in answer.text) is (status == 413)


async def test_a_report_shows_no_other_photo(nevus: World, cleo: httpx.AsyncClient) -> None:
    own, other = alike("a", 1, 0, diagnosis=None), alike("b", 1, 0)
    for record in (own, other):
        await nevus.records.create(record)
    assert other.id in (await cleo.get(f"/worklist/{own.id}")).text
    report = (await cleo.get(f"/worklist/{own.id}/report")).text
    assert own.id in report
    assert other.id not in report
    assert "Not a medical device" in report
