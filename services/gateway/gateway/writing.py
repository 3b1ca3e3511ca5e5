"""What templates write with: sentences, numbers and dates in the language of the request, addresses of static files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any

from babel import dates, numbers
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from gateway.languages import current, languages, said, written

HERE = Path(__file__).parent
LONGEST = 12  # hexadecimal digits of a file's digest in its address


def environment() -> Environment:
    """Templates of this package, every sentence translated, everything else escaped."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    made.newstyle_gettext = True  # type: ignore[attr-defined]  # the extension's own
    made.policies["ext.i18n.trimmed"] = True
    made.globals |= {"_": translate, "gettext": translate, "ngettext": translate_many, "said": said}
    made.globals |= {"asset": asset, "language": current, "languages": languages}
    filters: dict[str, Callable[..., str]] = {"number": number, "percent": percent, "date": day, "datetime": moment}
    made.filters |= {name: _not_compiled(each) for name, each in filters.items()}
    return made


def _not_compiled(write: Callable[..., str]) -> Callable[..., str]:
    """A filter of the request's language: of a constant too its result must not become a part of the template."""

    @pass_context
    def written_now(_: Context, *values: Any, **options: Any) -> str:
        return write(*values, **options)

    return written_now


def translate(message: str, /, **values: Any) -> Markup:
    """A message with its own markup; values are escaped."""
    return Markup(current().sentences.gettext(message)) % written(values)  # noqa: S704  # ours, not a visitor's


def translate_many(one: str, many: str, num: int, /, **values: Any) -> Markup:
    """As `translate`, in the right plural of `num`."""
    return Markup(current().sentences.ngettext(one, many, num)) % written({"num": num, **values})  # noqa: S704


def number(value: float, digits: int | None = None) -> str:
    """1234.5 is 1,234.5; with this many digits behind the point, if any are asked for."""
    pattern = None if digits is None else f"#,##0.{'0' * digits}".rstrip(".")
    return numbers.format_decimal(value, format=pattern, locale=current().locale)


def percent(value: float, digits: int = 0) -> str:
    """0.021 is 2 %, or 2.1 % with one digit."""
    locale = current().locale
    pattern = str(locale.percent_formats[None].pattern).replace("#,##0", f"#,##0.{'0' * digits}".rstrip("."))
    return numbers.format_percent(value, format=pattern, locale=locale)


def day(value: date) -> str:
    """31 January 2026."""
    return dates.format_date(value, "long", locale=current().locale)


def moment(value: datetime) -> str:
    """31 January 2026, 09:30 UTC; a page's script tells it in the reader's own time (`<time>` by the macro `when`)."""
    locale = current().locale
    return f"{dates.format_date(value, 'long', locale=locale)}, {dates.format_time(value, 'HH:mm', locale=locale)} UTC"


@cache
def asset(name: str) -> str:
    """The address of a static file, which changes with its content."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()
    return f"/static/{name}?v={digest[:LONGEST]}"
