"""The client against the API's document: each call asks what the document takes, and reads what it answers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from deploy.contract import document
from openapi_schema_validator import OAS31Validator
from tests.scripted import Answer, Asked, Scripted, as_json, scripted

from nevus_client import Facts, Nevus
from nevus_client.photos import form

DOCUMENT: dict[str, Any] = document.read(document.DOCUMENT)
ID = "k3v5ajq2mzr7c4w6txn2yb5dha"
FACTS = Facts(
    modality="clinical",
    age=54,
    sex="female",
    site="back",
    fitzpatrick=2,
    case_id="left-1",
    consent_training=True,
    consent_version="2",
)
CALLS: dict[str, Callable[[Nevus], Any]] = {
    "create_prediction": lambda nevus: nevus.predict(b"photo", **FACTS),
    "create_upload": lambda nevus: nevus.upload(b"\xff\xd8\xff"),
    "get_prediction": lambda nevus: nevus.prediction(ID),
    "list_predictions": lambda nevus: next(nevus.predictions(case_id="left", order="review")),
    "get_photo": lambda nevus: nevus.photo(ID),
    "get_heatmap": lambda nevus: nevus.heatmap(ID),
    "put_diagnosis": lambda nevus: nevus.diagnose(ID, "nevus", malignant=False),
    "delete_prediction": lambda nevus: nevus.delete(ID),
    "get_export": lambda nevus: nevus.export(),
    "stats": lambda nevus: nevus.stats(),
    "list_models": lambda nevus: nevus.registry.models(),
    "get_model": lambda nevus: nevus.registry.model("v1"),
    "get_report": lambda nevus: nevus.registry.report("v1"),
    "get_verdicts": lambda nevus: nevus.registry.verdicts("v1"),
    "get_channel": lambda nevus: nevus.registry.channel("champion"),
    "put_channel": lambda nevus: nevus.registry.move("canary", "v1", overrule="a long enough reason", share=0.2),
    "end_canary": lambda nevus: nevus.registry.end_canary(),
    "start_run": lambda nevus: nevus.training.start(),
    "list_runs": lambda nevus: next(nevus.training.runs()),
    "get_run": lambda nevus: next(nevus.training.watch(ID)),
    "cancel_run": lambda nevus: nevus.training.cancel(ID),
}
# Pages, signed URLs, and what machines ask; the audit log is read with curl or nevus-admin.
NO_CALL = {"put_content", "healthz", "readyz", "metrics", "list_audit_entries", "verify_audit"}


def described(asked: Asked) -> tuple[str, dict[str, Any]]:
    """The operation of a request: its name and all of it."""
    path = unquote(urlsplit(asked.path).path)
    plain_first = sorted(DOCUMENT["paths"].items(), key=lambda item: "{" in item[0])
    for template, item in plain_first:
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and asked.method.lower() in item:
            operation = item[asked.method.lower()]
            return operation["operationId"], operation
    raise AssertionError(f"{asked.method} {path} is not in the document")


def check(value: Any, schema: dict[str, Any]) -> None:
    OAS31Validator(schema | {"components": DOCUMENT["components"]}).validate(value)


def example(asked: Asked) -> Answer:
    """As the document shows it."""
    if asked.path == "/signed":
        return Answer(200)
    _, operation = described(asked)
    status, answer = next((code, each) for code, each in operation["responses"].items() if code.startswith("2"))
    kind, content = next(iter(answer.get("content", {"": {}}).items()))
    if kind != "application/json":
        return Answer(int(status), b"bytes", {"Content-Type": kind})
    value = content["example"]
    if asked.path == "/v1/uploads":
        value = value | {"url": f"http://{asked.headers['host']}/signed"}
    return as_json(value, int(status), ETag='"3"')


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with scripted(example) as running:
        yield running


@pytest.mark.parametrize("name", CALLS)
def test_a_call_asks_what_the_document_takes_and_reads_what_it_answers(server: Scripted, name: str) -> None:
    server.asked.clear()
    with Nevus(server.url, "nvs_key") as nevus:
        CALLS[name](nevus)
    (asked,) = (each for each in server.asked if each.path != "/signed" and described(each)[0] == name)
    _, operation = described(asked)
    given = {key: values[0] for key, values in parse_qs(urlsplit(asked.path).query).items()}
    known = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "query"}
    assert given.keys() <= known
    content = operation.get("requestBody", {}).get("content", {})
    if asked.headers.get("content-type") == "application/json":
        check(json.loads(asked.body), content["application/json"]["schema"])
    elif asked.body:
        assert asked.headers["content-type"].split(";")[0] in content


def test_every_operation_has_a_call() -> None:
    there = {each["operationId"] for item in DOCUMENT["paths"].values() for each in item.values()}
    assert there == CALLS.keys() | NO_CALL


def test_the_facts_are_those_of_the_document() -> None:
    schema = DOCUMENT["paths"]["/v1/predictions"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert Facts.__annotations__.keys() | {"image"} == schema["properties"].keys()
    assert form(FACTS).keys() == Facts.__annotations__.keys()
