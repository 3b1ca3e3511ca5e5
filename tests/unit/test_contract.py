"""The API's promise: the document checked in is the one served, and nothing in it breaks what was released."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deploy.contract import __main__ as command
from deploy.contract import classes, document
from deploy.contract.breaking import breaks

HOW = "run `.venv/dev/bin/python -m deploy.contract write` and look at the difference"
NOW: dict[str, Any] = document.served()
PREDICT, LIST = "/v1/predictions", "get"
Change = Callable[[dict[str, Any]], Any]


def test_the_document_checked_in_is_the_one_served() -> None:
    assert document.DOCUMENT.read_text() == document.text(NOW), HOW


def test_the_clients_types_are_those_of_the_document() -> None:
    there = {path.stem: path.read_text() for path in classes.FOLDER.glob("*.py")}
    assert there == classes.modules(NOW), HOW


def test_nothing_breaks_programs_written_for_the_released_document() -> None:
    """Where one must break, the API's version changes with it, and its paths too (/v2/...)."""
    released = document.read(document.RELEASED)
    if released["info"]["version"] == NOW["info"]["version"]:
        assert breaks(released, NOW) == []


def schema(name: str, *path: str) -> Callable[[dict[str, Any]], Any]:
    """Of a schema, what lies at the end of a path into it."""

    def at(changed: dict[str, Any]) -> Any:
        found = changed["components"]["schemas"][name]
        for step in path:
            found = found[step]
        return found

    return at


def operation(path: str = PREDICT, method: str = "post") -> Callable[[dict[str, Any]], Any]:
    return lambda changed: changed["paths"][path][method]


def form(changed: dict[str, Any]) -> Any:
    return operation()(changed)["requestBody"]["content"]["multipart/form-data"]["schema"]


def parameter(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda changed: next(p for p in changed["paths"][PREDICT]["get"]["parameters"] if p["name"] == name)


BREAKING: dict[str, Change] = {
    "GET /v1/stats: is gone": lambda d: d["paths"].pop("/v1/stats"),
    "DELETE /v1/predictions/{record_id}: is gone": lambda d: d["paths"]["/v1/predictions/{record_id}"].pop("delete"),
    "GET /v1/stats: operationId, by which": lambda d: operation("/v1/stats", "get")(d).update(operationId="counts"),
    "GET /v1/predictions/{record_id} 200.advice: is gone": lambda d: schema("PredictionView", "properties")(d).pop(
        "advice"
    ),
    "GET /v1/predictions 200.items[].result.probability: is gone": lambda d: schema("ResultView", "properties")(d).pop(
        "probability"
    ),
    "GET /v1/predictions/{record_id} 200.photo: may be missing now": lambda d: schema("PredictionView", "required")(
        d
    ).remove("photo"),
    "201.status: answers lost now": lambda d: schema("Status", "enum")(d).append("lost"),
    "201.created_at: answers integer now, not string": lambda d: schema("PredictionView", "properties")(d).update(
        created_at={"type": "integer"}
    ),
    "201.id: answers null now, not string": lambda d: schema("PredictionView", "properties")(d).update(
        id={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "201.created_at: format answers None now": lambda d: schema("PredictionView", "properties", "created_at")(d).pop(
        "format"
    ),
    "201.result.reasons[]: answers integer now": lambda d: schema("ResultView", "properties", "reasons")(d).update(
        items={"type": "integer"}
    ),
    "manifest.modalities.*.scale: answers string now": lambda d: schema("Calibration", "properties")(d).update(
        scale={"type": "string"}
    ),
    "POST /v1/predictions 202: is gone": lambda d: operation()(d)["responses"].pop("202"),
    "POST /v1/predictions 200: is a new way": lambda d: operation()(d)["responses"].update({"200": {}}),
    "POST /v1/predictions 503: application/problem+json is gone": lambda d: operation()(d)["responses"]["503"].update(
        content={"text/html": {}}
    ),
    "410.detail: is gone": lambda d: operation()(d)["responses"]["410"]["content"]["application/problem+json"].update(
        schema={"type": "object", "properties": {}}
    ),
    "POST /v1/predictions body.eyes: is needed now": lambda d: form(d).update(required=["image", "eyes"]),
    "POST /v1/predictions body.sex: unknown was taken": lambda d: form(d)["properties"]["sex"]["enum"].remove(
        "unknown"
    ),
    "POST /v1/predictions body.site: maxLength 60 was taken, now 20": lambda d: form(d)["properties"].update(
        site={"type": "string", "maxLength": 20}
    ),
    "POST /v1/predictions body.age: minimum 0 was taken, now 18": lambda d: form(d)["properties"]["age"].update(
        minimum=18
    ),
    "POST /v1/predictions body.site: is gone": lambda d: form(d)["properties"].pop("site"),
    "POST /v1/predictions body: application/json is not": lambda d: operation()(d)["requestBody"]["content"].pop(
        "application/json"
    ),
    "PUT /v1/predictions/{record_id}/diagnosis body.label: string was taken, now integer": lambda d: schema(
        "DiagnosisIn", "properties"
    )(d).update(label={"type": "integer"}),
    "GET /v1/predictions limit: maximum 100 was taken, now 50": lambda d: parameter("limit")(d)["schema"].update(
        maximum=50
    ),
    "GET /v1/predictions limit: another default": lambda d: parameter("limit")(d)["schema"].update(default=10),
    "GET /v1/predictions case_id: is needed now": lambda d: parameter("case_id")(d).update(required=True),
    "GET /v1/predictions order: review was taken": lambda d: parameter("order")(d)["schema"].update(enum=["time"]),
    "GET /v1/predictions cursor: is gone": lambda d: parameter("cursor")(d).update(name="after"),
    "GET /v1/predictions: does not take key any more": lambda d: operation(PREDICT, "get")(d).update(
        security=[{"session": []}]
    ),
    "GET /healthz: needs a key now": lambda d: operation("/healthz", "get")(d).update(security=[{"key": []}]),
    "GET /v1/predictions order: multipleOf changed": lambda d: parameter("order")(d)["schema"].update(multipleOf=2),
}
KEEPING: dict[str, Change] = {
    "a new path": lambda d: d["paths"].update({"/v2/predictions": d["paths"][PREDICT]}),
    "a new field of an answer": lambda d: schema("PredictionView", "properties")(d).update(note={"type": "string"}),
    "a new field that a request may have": lambda d: form(d)["properties"].update(note={"type": "string"}),
    "a wider limit of a request": lambda d: form(d)["properties"]["age"].update(maximum=130),
    "no limit": lambda d: form(d)["properties"]["age"].pop("maximum"),
    "another value that a request may have": lambda d: form(d)["properties"]["modality"]["enum"].append("slide"),
    "null where a request has a string": lambda d: schema("DiagnosisIn", "properties")(d).update(
        label={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "a field that is always there now": lambda d: schema("PredictionView", "required")(d).append("result"),
    "never null any more": lambda d: schema("PredictionView", "properties")(d).update(
        result={"$ref": "#/components/schemas/ResultView"}
    ),
    "whole numbers for numbers": lambda d: schema("Ood", "properties")(d).update(score={"type": "integer"}),
    "another refusal": lambda d: operation()(d)["responses"].update({"418": {"description": "a teapot"}}),
    "a parameter that may be left out": lambda d: operation(PREDICT, "get")(d)["parameters"].append(
        {"name": "since", "in": "query", "schema": {"type": "string"}}
    ),
    "other words": lambda d: schema("PredictionView")(d).update(description="A record."),
    "no key any more": lambda d: operation("/v1/stats", "get")(d).update(security=[]),
}


@pytest.mark.parametrize("said", BREAKING)
def test_a_change_that_breaks_programs_is_told(said: str) -> None:
    new = copy.deepcopy(NOW)
    BREAKING[said](new)
    found = breaks(NOW, new)
    assert any(said in each for each in found), found


@pytest.mark.parametrize("change", KEEPING)
def test_a_change_that_breaks_nothing_is_passed_over(change: str) -> None:
    new = copy.deepcopy(NOW)
    KEEPING[change](new)
    assert breaks(NOW, new) == []


def test_a_type_that_holds_itself_is_compared_to_its_end() -> None:
    old = copy.deepcopy(NOW)
    schema("PredictionView", "properties")(old)["earlier"] = {"$ref": "#/components/schemas/PredictionView"}
    new = copy.deepcopy(old)
    assert breaks(old, new) == []
    schema("PredictionView", "properties")(new)["earlier"] = {"type": "string"}
    assert any(".earlier: answers string now" in each for each in breaks(old, new))


def test_a_breaking_document_is_not_released_under_the_same_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = copy.deepcopy(NOW)
    before["paths"]["/v1/gone"] = before["paths"]["/v1/stats"]
    monkeypatch.setattr(document, "RELEASED", tmp_path / "released.json")
    document.RELEASED.write_text(document.text(before))
    assert command.release() == 1
    assert "GET /v1/gone: is gone" in capsys.readouterr().err
    document.RELEASED.write_text(document.text(before | {"info": {"version": "0"}}))
    assert command.release() == 0
    assert document.read(document.RELEASED) == NOW


def test_a_stale_document_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(document, "DOCUMENT", tmp_path / "openapi.json")
    document.DOCUMENT.write_text("{}")
    assert command.check() == 1
