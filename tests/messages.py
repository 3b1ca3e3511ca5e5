"""Every sentence of the pages, and what a language lacks: `python -m tests.messages es` prints that to fill it in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2 import nodes
from jinja2.ext import extract_from_ast

from gateway.languages import FOLDER
from gateway.writing import HERE, environment

KEYWORDS: dict[str, Any] = {"_": None, "gettext": None, "mark": None, "ngettext": (1, 2)}
HEARD = {"alt", "title", "placeholder", "aria-label", "aria-description", "label"}
SILENT = {"code", "pre", "kbd", "script", "style"}
NAMES = {"Nevus", "API", "UTC", "CSV", "JSON", "PDF"}  # the same in every language
Message = str | tuple[str, str]


def templates() -> Iterator[tuple[Path, nodes.Template]]:
    """Every template and its tree."""
    parser = environment()
    for file in sorted((HERE / "templates").glob("*.html")):
        yield file, parser.parse(file.read_text())


def messages() -> dict[Message, str]:
    """Each message of templates and code once, with a file that says it."""
    found: dict[Message | None, str] = {}
    for file, tree in templates():
        for _, function, arguments in extract_from_ast(tree, list(KEYWORDS)):
            found[_message(function, arguments)] = file.name
    for file in sorted(HERE.rglob("*.py")):
        with file.open("rb") as source:
            for _, arguments, _, _ in extract("python", source, KEYWORDS):
                found[_message("ngettext" if isinstance(arguments, tuple) else "_", arguments)] = file.name
    return {message: file for message, file in found.items() if message}


def _message(function: str | None, arguments: Any) -> Message | None:
    """From the arguments of a call: texts, and None for whatever is none; a plural where the function takes one."""
    texts = [each for each in ([arguments] if isinstance(arguments, str) else arguments or ()) if isinstance(each, str)]
    return (texts[0], texts[1]) if function == "ngettext" else texts[0] if texts else None


def translated(code: str) -> dict[Message, Any]:
    """What the catalogs of a language have, by message."""
    found: dict[Message, Any] = {}
    for file in sorted((FOLDER / code / "LC_MESSAGES").glob("*.po")):
        with file.open("rb") as source:
            catalog = read_po(source, locale=code, abort_invalid=True)
            found |= {each.id: each for each in catalog if each.id}  # type: ignore[misc]  # a list is no id
    return found


def lacking(code: str) -> Catalog:
    """Messages without a translation, as a catalog to fill in."""
    there, empty = translated(code), Catalog(locale=code)
    for message, file in messages().items():
        if message not in there:
            empty.add(message, locations=[(file, 1)])
    return empty


class Spoken(HTMLParser):
    """Text and attributes that a person sees or hears."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in SILENT:
            self._within.append(tag)
        self._hear(" ".join(value or "" for name, value in attrs if name in HEARD or name.startswith("data-say")))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            self._within.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._within:
            self._hear(data)

    def _hear(self, text: str) -> None:
        words = ("".join(c if c.isalpha() else " " for c in text)).split()
        self.words += [word for word in words if word not in NAMES and len(word) > 1]


def bare_words(tree: nodes.Template) -> list[str]:
    """Words of a template that no language can change."""
    spoken = Spoken()
    for output in tree.find_all(nodes.Output):
        for part in output.nodes:
            spoken.feed(part.data if isinstance(part, nodes.TemplateData) else " ".join(_constants(part)) or "0")
    return spoken.words


def _constants(part: nodes.Expr) -> list[str]:
    if isinstance(part, nodes.Const):
        return [str(part.value)]
    if isinstance(part, nodes.CondExpr):
        return [text for branch in (part.expr1, part.expr2) if branch for text in _constants(branch)]
    return []


if __name__ == "__main__":
    write_po(sys.stdout.buffer, lacking(sys.argv[1]), width=0, omit_header=True, no_location=True)
