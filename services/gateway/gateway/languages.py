"""The languages of the pages: one folder of locales/ each, with one gettext catalog (.po) for each area of the pages.

English is the source and needs no folder. What is said in a request is said in its language: a page's own, English for
the API. docs/languages.md says how to add a string and a language.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any

from babel import Locale, negotiate_locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal

FOLDER = Path(__file__).parent / "locales"
SOURCE = "en"
WRITTEN_AS = {"en": "en_GB"}  # dates and numbers, where a language's own default is one country's habit


@dataclass(frozen=True)
class Language:
    """A language: its code for `html lang`, how it writes numbers and dates, and its sentences."""

    code: str
    locale: Locale
    sentences: NullTranslations

    @property
    def name(self) -> str:
        """As its own speakers call it."""
        return str(Locale.parse(self.code).get_display_name(self.code)).capitalize()

    @property
    def direction(self) -> str:
        """Of its script: ltr or rtl."""
        return str(self.locale.text_direction)


@cache
def languages() -> dict[str, Language]:
    """All languages by their codes, English first."""
    codes = sorted(path.name for path in FOLDER.iterdir() if (path / "LC_MESSAGES").is_dir())
    return {code: _language(code) for code in (SOURCE, *codes)}


def _language(code: str) -> Language:
    sentences = NullTranslations()
    for file in sorted((FOLDER / code / "LC_MESSAGES").glob("*.po")):
        area = _compiled(file, code)
        area.add_fallback(sentences)
        sentences = area
    return Language(code, Locale.parse(WRITTEN_AS.get(code, code)), sentences)


def _compiled(file: Path, code: str) -> GNUTranslations:
    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=code))
    compiled.seek(0)
    return GNUTranslations(compiled)


_current: ContextVar[Language | None] = ContextVar("language", default=None)


def current() -> Language:
    """That of the request which is being answered; English outside of any."""
    return _current.get() or languages()[SOURCE]


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """What is said within is said in this language."""
    token = _current.set(language)
    try:
        yield
    finally:
        _current.reset(token)


def preferred(chosen: str, accepted: str) -> Language:
    """The one that was chosen by its code, else the best of an Accept-Language header, else English."""
    known = languages()
    if chosen in known:
        return known[chosen]
    return known[negotiate_locale(_by_quality(accepted), known, sep="-") or SOURCE]


def _by_quality(accepted: str) -> list[str]:
    weighed = []
    for part in accepted.split(","):
        tag, _, parameter = part.strip().partition(";")
        quality = parameter.strip().removeprefix("q=") or "1"
        weighed.append((quality if quality.replace(".", "", 1).isdigit() else "0", tag))
    return [tag for quality, tag in sorted(weighed, key=lambda each: -float(each[0])) if tag and float(quality) > 0]


def mark(message: str) -> str:
    """The message itself: a sentence of a table, which `_` or `said` translates when it is used."""
    return message


def said(message: str) -> str:
    """A marked message in the language of the request, as it stands."""
    return current().sentences.gettext(message) if message else ""


def _(message: str, **values: Any) -> str:
    """A message in the language of the request; `%(name)s` stands for a value, `%%` for a percent sign."""
    return said(message) % written(values)


def ngettext(one: str, many: str, num: int, **values: Any) -> str:
    """As `_`, in the right plural of `num`, which is a value too."""
    return current().sentences.ngettext(one, many, num) % written({"num": num, **values})


def written(values: dict[str, Any]) -> dict[str, Any]:
    """Values of a sentence, the numbers as the language writes them."""
    number = {name: each for name, each in values.items() if type(each) in {int, float}}
    return values | {name: format_decimal(each, locale=current().locale) for name, each in number.items()}
