"""Whether all that one JSON schema of an OpenAPI document allows is allowed by another.

In a request the schema of before must fit into the new one, so that what was taken is taken still. In an answer the new
one must fit into that of before, so that what was read can be read still; fields may be added there, since clients pass
over fields that they do not know.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems")
UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")
EXACT = ("pattern", "format", "propertyNames", "contentMediaType", "contentEncoding")
HANDLED = {
    "type", "enum", "const", "items", "prefixItems", "properties", "required", "additionalProperties", "anyOf", "oneOf",
    "$ref", *LOWER, *UPPER, *EXACT,
}  # fmt: skip
WORDS = {"title", "description", "default", "example", "examples"}


def resolved(document: Schema, schema: Schema) -> Schema:
    """With its `$ref` followed."""
    while "$ref" in schema:
        target: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        schema = target | {name: value for name, value in schema.items() if name != "$ref"}
    return schema


def alternatives(document: Schema, schema: Schema) -> list[Schema]:
    """What it may be, each of one type."""
    schema = resolved(document, schema)
    for word in ("anyOf", "oneOf"):
        if word in schema:
            return [leaf for each in schema[word] for leaf in alternatives(document, each)]
    if isinstance(schema.get("type"), list):
        return [schema | {"type": kind} for kind in schema["type"]]
    return [schema]


def values(schema: Schema) -> list[Any] | None:
    """All that it may be, where they are listed."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


@dataclass
class Fitting:
    """Compares the `inner` document's schemas with the `outer` one's; `answer` says in which direction they go."""

    inner: Schema
    outer: Schema
    answer: bool
    _under_way: set[tuple[str, str]] = field(default_factory=set)

    def misfits(self, inner: Schema, outer: Schema, where: str) -> Iterator[str]:
        """What `inner` allows and `outer` does not, a sentence each."""
        pair = (inner.get("$ref", ""), outer.get("$ref", ""))
        if all(pair) and pair in self._under_way:
            return  # a type that holds itself
        self._under_way.add(pair)
        wider = alternatives(self.outer, outer)
        for each in alternatives(self.inner, inner):
            found = [(each.get("type") != one.get("type"), list(self._leaf(each, one, where))) for one in wider]
            yield from min(found, key=lambda result: (bool(result[1]), result[0], len(result[1])))[1]
        self._under_way.discard(pair)

    def _leaf(self, inner: Schema, outer: Schema, where: str) -> Iterator[str]:
        unknown = (inner.keys() | outer.keys()) - HANDLED - WORDS
        yield from (f"{where}: {word} changed" for word in sorted(unknown) if inner.get(word) != outer.get(word))
        kinds = (inner.get("type"), outer.get("type"))
        if outer.get("type") and kinds[0] != kinds[1] and kinds != ("integer", "number"):
            yield f"{where}: " + self._said(kinds[0] or "anything", kinds[1])
            return
        yield from self._limits(inner, outer, where)
        yield from self._items(inner, outer, where)
        if kinds == ("object", "object"):
            yield from self._object(inner, outer, where)

    def _limits(self, inner: Schema, outer: Schema, where: str) -> Iterator[str]:
        listed, allowed = values(inner), values(outer)
        if allowed is not None:
            more = ["any value"] if listed is None else [each for each in listed if each not in allowed]
            yield from (f"{where}: " + self._said(each, "what was listed") for each in more)
        for word in (*LOWER, *UPPER):
            mine, bound = inner.get(word), outer.get(word)
            sign = 1 if word in LOWER else -1
            if bound is not None and (mine is None or sign * mine < sign * bound):
                yield f"{where}: {word} " + self._said(mine, bound)
        for word in EXACT:
            if word in outer and inner.get(word) != outer[word]:
                yield f"{where}: {word} " + self._said(inner.get(word), outer[word])

    def _items(self, inner: Schema, outer: Schema, where: str) -> Iterator[str]:
        if "items" in outer:
            yield from self.misfits(inner.get("items", {}), outer["items"], where + "[]")
        for number, wanted in enumerate(outer.get("prefixItems", ())):
            given = inner.get("prefixItems", [])[number : number + 1] or [{}]
            yield from self.misfits(given[0], wanted, f"{where}[{number}]")

    def _object(self, inner: Schema, outer: Schema, where: str) -> Iterator[str]:
        given, wanted = inner.get("properties", {}), outer.get("properties", {})
        for name in sorted(set(outer.get("required", ())) - set(inner.get("required", ()))):
            if name in given or not self.answer:
                yield f"{where}.{name}: " + ("may be missing now" if self.answer else "is needed now")
        for name in given.keys() & wanted.keys():
            yield from self.misfits(given[name], wanted[name], f"{where}.{name}")
        lost = sorted(wanted.keys() - given.keys()) if self.answer else sorted(given.keys() - wanted.keys())
        if self.answer or outer.get("additionalProperties") is False:
            yield from (f"{where}.{name}: is gone" for name in lost)
        rest, limit = inner.get("additionalProperties", True), outer.get("additionalProperties", True)
        if isinstance(limit, dict) and rest is not False:
            yield from self.misfits(rest if isinstance(rest, dict) else {}, limit, where + ".*")

    def _said(self, more: object, allowed: object) -> str:
        return f"answers {more} now, not {allowed}" if self.answer else f"{more} was taken, now {allowed}"
