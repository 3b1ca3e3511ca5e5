"""Every sentence in every language; numbers, dates and plurals as each writes them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.messages import bare_words, messages, templates, translated

from gateway.languages import _, languages, ngettext, preferred, said, speaking
from gateway.plain_problems import FOR_PEOPLE
from gateway.problems import TYPES
from gateway.routes.language import is_ours
from gateway.writing import environment

TEMPLATES = {file.name: tree for file, tree in templates()}
MESSAGES = messages()
TRANSLATED = [code for code in languages() if code != "en"]
AT = datetime(2026, 1, 31, 9, 30, tzinfo=UTC)


def texts(each: Any) -> tuple[str, ...]:
    return each if isinstance(each, tuple) else (each,)


def placed(text: str) -> set[str]:
    """The values that it has places for."""
    return set(re.findall(r"%\((\w+)\)s", text))


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_no_template_has_words_of_its_own(name: str) -> None:
    assert bare_words(TEMPLATES[name]) == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_sentence_is_translated_and_none_that_nobody_says(code: str) -> None:
    there = translated(code)
    assert [message for message in MESSAGES if message not in there] == []
    assert [message for message in there if message not in MESSAGES] == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_a_translation_is_whole_and_takes_the_same_values(code: str) -> None:
    for message, each in translated(code).items():
        assert all(texts(each.string)), message
        assert not each.fuzzy, message
        assert placed(texts(each.string)[-1]) == placed(texts(message)[-1]), message


def test_one_is_not_many() -> None:
    days = (
        "This link signs you in on this device for %(num)s day.",
        "This link signs you in on this device for %(num)s days.",
    )
    assert ngettext(days[0], days[1], 1).endswith("1 day.")
    assert ngettext(days[0], days[1], 12345).endswith("12,345 days.")
    with speaking(languages()["es"]):
        assert ngettext(days[0], days[1], 1).endswith("1 día.")
        assert ngettext(days[0], days[1], 12345).endswith("12.345 días.")


@pytest.mark.parametrize(
    ("chosen", "accepted", "code"),
    [
        ("", "", "en"), ("es", "en", "es"), ("xx", "es-MX,en;q=0.5", "es"), ("", "fr, es;q=0.2, en;q=0.9", "en"),
        ("", "en;q=0, es;q=0.1", "es"), ("", ";;q=,\x00", "en"), ("", "ja", "en"),
    ],
)  # fmt: skip
def test_the_choice_comes_first_then_the_browser(chosen: str, accepted: str, code: str) -> None:
    assert preferred(chosen, accepted).code == code


def test_numbers_and_dates() -> None:
    shown = ("12345.5|number", "2.345|number(1)", "0.021|percent", "0.021|percent(1)", "at|date", "at|datetime")
    template = environment().from_string(" ".join(f"{{{{ {each} }}}}" for each in shown))
    assert template.render(at=AT) == "12,345.5 2.3 2% 2.1% 31 January 2026 31 January 2026, 09:30 UTC"
    with speaking(languages()["es"]):
        told = template.render(at=AT).replace("\N{NO-BREAK SPACE}", " ")
    assert told == "12.345,5 2,3 2 % 2,1 % 31 de enero de 2026 31 de enero de 2026, 09:30 UTC"


def test_values_are_escaped_and_sentences_are_not() -> None:
    many = "{% trans n=2 %}{{ n }} {% pluralize %}{{ n }}s{% endtrans %}"
    template = environment().from_string('{{ _("<b>%(name)s</b>", name=name) }}' + many)
    assert template.render(name="<i>") == "<b>&lt;i&gt;</b>2s"


def test_outside_of_a_page_all_is_english() -> None:
    assert _("Sign out") == said("Sign out") == "Sign out"
    assert said("") == ""


def test_every_problem_is_told_in_plain_words() -> None:
    programs = {"malformed-request", "upload-refused", "method-not-allowed", "headers-too-large", "upload-exists"}
    others = {"verdict-missing", "verdict-failed", "model-unusable", "training-data-missing", "precondition-required"}
    assert set(TYPES) == set(FOR_PEOPLE) | programs | others


@pytest.mark.parametrize("address", ["/", "/results/x", "/?order=review&cursor=a%2Fb"])
def test_the_switch_comes_back_to_a_page_of_ours(address: str) -> None:
    assert is_ours(address)


@pytest.mark.parametrize(
    "address", ["", "//evil.test", "/\\evil.test", "https://evil.test", "/\n//evil.test", "javascript:0"]
)
def test_the_switch_goes_nowhere_else(address: str) -> None:
    assert not is_ours(address)
