"""The OpenAPI document as a page can show it: one entry for each operation, references resolved."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]
METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True)
class Parameter:
    """A parameter, header or body field."""

    name: str
    where: str
    meaning: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """An operation; `answers` are (status, meaning), `examples` are (title, text)."""

    id: str
    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    answers: tuple[tuple[str, str], ...]
    examples: tuple[tuple[str, str], ...]


def operations(document: Document) -> tuple[Operation, ...]:
    """All operations in the document's order."""
    found = [
        (path, method, item[method]) for path, item in document["paths"].items() for method in METHODS if method in item
    ]
    return tuple(_operation(document, *each) for each in found)


def _operation(document: Document, path: str, method: str, raw: Document) -> Operation:
    body = resolve(document, raw.get("requestBody", {}))
    return Operation(
        id=raw.get("operationId", f"{method}{path}"),
        method=method.upper(),
        path=path,
        summary=raw.get("description") or raw.get("summary", ""),
        parameters=(*(_parameter(document, each) for each in raw.get("parameters", ())), *_fields(document, body)),
        answers=tuple((code, each.get("description", "")) for code, each in raw.get("responses", {}).items()),
        examples=tuple(_examples("Request", body)) + tuple(_answer_examples(document, raw)),
    )


def _parameter(document: Document, raw: Document) -> Parameter:
    raw = resolve(document, raw)
    return Parameter(raw["name"], raw["in"], meaning(raw, raw.get("schema", {})), bool(raw.get("required")))


def _fields(document: Document, body: Document) -> Iterator[Parameter]:
    """Of all kinds of body that it takes, each once."""
    seen = set()
    for content in body.get("content", {}).values():
        schema = resolve(document, content.get("schema", {}))
        for name, raw in schema.get("properties", {}).items():
            field = resolve(document, raw)
            if name not in seen:
                yield Parameter(name, "body", meaning(field, field), name in schema.get("required", ()))
            seen.add(name)


def _answer_examples(document: Document, raw: Document) -> Iterator[tuple[str, str]]:
    for code, answer in raw.get("responses", {}).items():
        yield from _examples(f"Answer {code}", resolve(document, answer))


def _examples(title: str, holder: Document) -> Iterator[tuple[str, str]]:
    for kind, content in holder.get("content", {}).items():
        many = [each.get("value") for each in content.get("examples", {}).values()]
        single = [content["example"]] if "example" in content else []
        for value in many + single:
            text = value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False)
            yield f"{title}, {kind}", text


def meaning(raw: Document, schema: Document) -> str:
    """What is said of a field, with the values that it may take."""
    kinds = [schema, *schema.get("anyOf", ())]
    values = [value for kind in kinds for value in kind.get("enum", ())]
    said = raw.get("description") or schema.get("description") or ""
    return f"{said} ({', '.join(map(str, values))})".strip() if values else said


def resolve(document: Document, raw: Document) -> Document:
    """Follow a `$ref` within the document."""
    while "$ref" in raw:
        target: Any = document
        for part in raw["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        raw = target
    return raw
