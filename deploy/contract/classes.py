"""The Python client's types, written from the document: one module for each tag, a class for each schema of an answer.

A schema that several tags use is in the module of the first one; modules import from those before them alone.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from deploy.contract.breaking import METHODS
from deploy.contract.document import ROOT

Schema = dict[str, Any]
RUFF = Path(sys.executable).with_name("ruff")
FOLDER = ROOT / "clients/python/nevus_client/answers"
HEAD = '"""Answers about {tag}. Written by `python -m deploy.contract write` from docs/openapi.json; not by hand."""'
SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
REFERENCE = "#/components/schemas/"


def modules(document: Schema) -> dict[str, str]:
    """The text of each module by its name, `__init__` among them."""
    homes = homes_of(document)
    names = sorted({class_name(each) for each in homes})
    if len(names) != len(homes):
        raise ValueError("two schemas would have one class")
    texts = {home: Module(document, home, homes).text() for home in dict.fromkeys(homes.values())}
    imports = [
        f"from nevus_client.answers.{home} import {', '.join(sorted(map(class_name, members(homes, home))))}"
        for home in sorted(texts)
    ]
    listed = "__all__ = [" + ", ".join(f'"{name}"' for name in names) + "]"
    texts["__init__"] = "\n".join(('"""Everything that Nevus answers."""', "", *imports, "", listed))
    return {name: formatted(text) for name, text in texts.items()}


def homes_of(document: Schema) -> dict[str, str]:
    """The tag of each schema that an answer holds, in the order of the document's tags."""
    found: dict[str, str] = {}
    for tag in (each["name"] for each in document["tags"]):
        for operation in (item[m] for item in document["paths"].values() for m in METHODS if m in item):
            if tag in operation["tags"]:
                for name in reached(document, operation["responses"]):
                    found.setdefault(name, tag)
    return found


def reached(document: Schema, value: Any, seen: dict[str, None] | None = None) -> dict[str, None]:
    """Names of the schemas in a value, each after those that it holds itself."""
    seen = {} if seen is None else seen
    if isinstance(value, list):
        for each in value:
            reached(document, each, seen)
    elif isinstance(value, dict):
        name = value.get("$ref", "").removeprefix(REFERENCE)
        if name and name not in seen:
            reached(document, document["components"]["schemas"][name], seen)
            seen[name] = None
        for key, each in value.items():
            if key not in {"example", "examples", "default"}:
                reached(document, each, seen)
    return seen


def members(homes: dict[str, str], home: str) -> list[str]:
    """The schemas of a module."""
    return [name for name, there in homes.items() if there == home]


def class_name(schema: str) -> str:
    """What is seen of a thing is, to a client, the thing."""
    return schema.removesuffix("View")


def formatted(text: str) -> str:
    """As the house formats its code."""
    command = [str(RUFF), "format", "--quiet", "--stdin-filename", str(FOLDER / "answers.py"), "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout


def write(document: Schema, folder: Path = FOLDER) -> None:
    """Replace all modules."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.py"):
        old.unlink()
    for name, text in modules(document).items():
        (folder / f"{name}.py").write_text(text)


class Module:
    """One module of classes."""

    def __init__(self, document: Schema, home: str, homes: dict[str, str]) -> None:
        self._schemas = document["components"]["schemas"]
        self._home, self._homes = home, homes

    def text(self) -> str:
        """All of it."""
        classes = "\n\n\n".join("\n".join(self._class(name)) for name in members(self._homes, self._home))
        return "\n\n".join((HEAD.format(tag=self._home), "\n".join(self._imports(classes)), classes))

    def _imports(self, classes: str) -> Iterator[str]:
        yield "from __future__ import annotations\n"
        if "datetime" in classes:
            yield "from datetime import datetime"
        if "StrEnum" in classes:
            yield "from enum import StrEnum"
        typed = [name for name in ("Any", "Literal") if re.search(rf"\b{name}\b", classes)]
        if typed:
            yield f"from typing import {', '.join(typed)}"
        if "Field(" in classes:
            yield "\nfrom pydantic import Field"
        yield "\nfrom nevus_client.answer import Answer" if "(Answer)" in classes else ""
        for home in sorted(set(self._homes.values())):
            names = [class_name(name) for name in members(self._homes, home)]
            used = sorted(name for name in names if re.search(rf"\b{name}\b", strings_out(classes)))
            if used and home != self._home:
                yield f"from nevus_client.answers.{home} import {', '.join(used)}"

    def _class(self, name: str) -> Iterator[str]:
        schema = self._schemas[name]
        enum = schema.get("enum")
        yield f"class {class_name(name)}({'StrEnum' if enum else 'Answer'}):"
        yield from documented(schema.get("description", f"{name}."))
        yield ""
        if enum:
            yield from (f'    {re.sub("[^a-z0-9]", "_", each).upper()} = "{each}"' for each in enum)
        for field, each in schema.get("properties", {}).items():
            needed = field in schema.get("required", ())
            yield f"    {field}: {self._type(each)}" + ("" if needed else self._default(each))
            yield from documented(each["description"]) if "description" in each else ()

    def _type(self, schema: Schema) -> str:
        if "$ref" in schema:
            return class_name(schema["$ref"].removeprefix(REFERENCE))
        if "anyOf" in schema:
            return " | ".join(self._type(each) for each in schema["anyOf"])
        if "enum" in schema:
            return "Literal[" + ", ".join(f'"{each}"' for each in schema["enum"]) + "]"
        return self._of_kind(schema, schema.get("type"))

    def _of_kind(self, schema: Schema, kind: str | None) -> str:
        if kind == "array" and "prefixItems" in schema:
            return f"tuple[{', '.join(self._type(each) for each in schema['prefixItems'])}]"
        if kind == "array":
            return f"tuple[{self._type(schema.get('items', {}))}, ...]"
        if kind == "object":
            rest = schema.get("additionalProperties", True)
            keys = self._type(schema.get("propertyNames", {"type": "string"}))
            return f"dict[{keys}, {'Any' if rest is True else self._type(rest)}]"
        if schema.get("format") == "date-time":
            return "datetime"
        return SCALARS[kind] if kind else "Any"

    def _default(self, schema: Schema) -> str:
        """A class whose every field has a default is made anew; the document's own default says the same."""
        if "$ref" in schema:
            return f" = Field(default_factory={self._type(schema)})"
        default = schema.get("default")
        if isinstance(default, str):
            return " = (" + " ".join(map(repr, textwrap.wrap(default, 100, drop_whitespace=False) or [""])) + ")"
        return f" = {tuple(default) if isinstance(default, list) else default!r}"


def documented(words: str) -> Iterator[str]:
    """A docstring of a class or field, in lines that fit."""
    words = re.sub(r"\s+", " ", words).strip()
    first = words[0].upper() + words[1:]
    lines = textwrap.wrap(first if first[-1] in ".!?" else first + ".", 108)
    sentence, rest = lines[0], lines[1:]
    if not rest:
        yield f'    """{sentence}"""'
        return
    head, _, tail = first.partition(". ") if ". " in lines[0] else (sentence, "", " ".join(rest))
    yield f'    """{head.rstrip(".")}.'
    yield ""
    yield from textwrap.wrap(tail, 112, initial_indent="    ", subsequent_indent="    ")
    yield '    """'


def strings_out(text: str) -> str:
    """Without its docstrings, which may name classes too."""
    return re.sub(r'"""[\s\S]*?"""', "", text)
