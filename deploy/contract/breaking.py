"""What of a document breaks programs that were written for the one before it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from deploy.contract.schemas import Fitting, Schema, resolved

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def breaks(old: Schema, new: Schema) -> list[str]:
    """A sentence for each, none where every program goes on working; see docs/client.md for what counts."""
    found = []
    for path, item in old["paths"].items():
        for method in (each for each in METHODS if each in item):
            where = f"{method.upper()} {path}"
            there = new["paths"].get(path, {}).get(method)
            found += list(Operations(old, new, where).breaks(item[method], there)) if there else [f"{where}: is gone"]
    return found


class Operations:
    """One operation as it was and as it is."""

    def __init__(self, old: Schema, new: Schema, where: str) -> None:
        self._old, self._new, self._where = old, new, where
        self._requests = Fitting(old, new, answer=False)
        self._answers = Fitting(new, old, answer=True)

    def breaks(self, old: Schema, new: Schema) -> Iterator[str]:
        """All that is told of it."""
        if old.get("operationId") != new.get("operationId"):
            yield f"{self._where}: operationId, by which generated clients call it, changed"
        yield from self._security(old, new)
        yield from self._parameters(old, new)
        yield from self._body(old, new)
        yield from self._responses(old.get("responses", {}), new.get("responses", {}))

    def _security(self, old: Schema, new: Schema) -> Iterator[str]:
        was, now = (secured(document, each) for each, document in self._both(old, new))
        if now and not was:
            yield f"{self._where}: needs a key now"
        lost = [" and ".join(way) for way in was if now and way not in now]
        yield from (f"{self._where}: does not take {way} any more" for way in lost)

    def _parameters(self, old: Schema, new: Schema) -> Iterator[str]:
        was, now = (
            {(each["in"], each["name"].lower()): each for each in parameters(document, operation)}
            for operation, document in self._both(old, new)
        )
        for key in now.keys() - was.keys():
            if now[key].get("required"):
                yield f"{self._where} {key[1]}: is needed now"
        for key, each in was.items():
            if key not in now:
                yield f"{self._where} {key[1]}: is gone"
                continue
            if now[key].get("required") and not each.get("required"):
                yield f"{self._where} {key[1]}: is needed now"
            was_schema, schema = each.get("schema", {}), now[key].get("schema", {})
            yield from self._requests.misfits(was_schema, schema, f"{self._where} {key[1]}")
            if was_schema.get("default") != schema.get("default"):
                yield f"{self._where} {key[1]}: another default"

    def _body(self, old: Schema, new: Schema) -> Iterator[str]:
        was, now = (resolved(document, each.get("requestBody", {})) for each, document in self._both(old, new))
        if now.get("required") and not was.get("required"):
            yield f"{self._where} body: is needed now"
        for kind, content in was.get("content", {}).items():
            if kind not in now.get("content", {}):
                yield f"{self._where} body: {kind} is not taken any more"
                continue
            schema = now["content"][kind].get("schema", {})
            yield from self._requests.misfits(content.get("schema", {}), schema, f"{self._where} body")

    def _responses(self, old: Schema, new: Schema) -> Iterator[str]:
        for status in sorted(old.keys() ^ new.keys()):
            if status.startswith("2"):
                yield f"{self._where} {status}: " + ("is gone" if status in old else "is a new way to succeed")
        for status in sorted(old.keys() & new.keys()):
            was, now = old[status].get("content", {}), new[status].get("content", {})
            for kind in was.keys() ^ now.keys():
                yield f"{self._where} {status}: {kind} " + ("is gone" if kind in was else "is new")
            for kind in was.keys() & now.keys():
                given, wanted = now[kind].get("schema", {}), was[kind].get("schema", {})
                yield from self._answers.misfits(given, wanted, f"{self._where} {status}")

    def _both(self, old: Schema, new: Schema) -> tuple[tuple[Schema, Schema], tuple[Schema, Schema]]:
        return (old, self._old), (new, self._new)


def parameters(document: Schema, operation: Schema) -> list[dict[str, Any]]:
    """With their references followed."""
    return [resolved(document, each) for each in operation.get("parameters", ())]


def secured(document: Schema, operation: Schema) -> list[dict[str, Any]]:
    """The ways in, each with all schemes that it takes; none where anyone may ask."""
    found: list[dict[str, Any]] = (document | operation).get("security") or []
    return found
