"""A version's report and card: everything that was measured, in plain words, and nothing that a browser would run."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest
from tests.manifests import evidence, measured, older

from nevus.outcomes import few
from nevus.registry import Manifest
from training_job.report import card, html
from training_job.report_words import plain, reached, told, worth

SECTIONS = (
    "summary", "figures", "curves", "points", "targets", "subgroups", "shortcuts", "robustness", "unfamiliar", "leaks",
    "hard", "data", "training", "version",
)  # fmt: skip
CARD_SECTIONS = (
    "Model details", "Intended use", "Factors", "Metrics", "Evaluation data", "Training data", "Quantitative analyses",
    "Ethical considerations", "Caveats and recommendations",
)  # fmt: skip
HOSTILE = '<script src="//x.example/a.js">alert(1)</script>|`[a](b)'
VOID = {"meta", "line", "rect", "circle", "polyline"}


class Page(HTMLParser):
    """The page's elements, and the text of each section, table rows with `|` between their cells."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.sections: dict[str, str] = {}
        self.open: list[str] = []
        self.section = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"] or ""
            self.sections[self.section] = ""
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
        if self.section and tag in {"td", "th", "text", "p", "li", "h3"}:
            self.sections[self.section] += "|"
        if tag == "section":
            self.section = ""

    def handle_data(self, data: str) -> None:
        if self.section:
            self.sections[self.section] += data.replace("\N{NO-BREAK SPACE}", " ").replace("\n", "")


@pytest.fixture(scope="module")
def page() -> Page:
    return Page(html(measured()))


@pytest.mark.parametrize("manifest", [older(), measured()], ids=["older", "measured"])
def test_a_report_runs_nothing_and_asks_for_nothing(manifest: Manifest) -> None:
    text = html(manifest)
    found = Page(text)
    assert not found.open
    assert not {tag for tag, _ in found.tags} & {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
    for _, attributes in found.tags:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "xlink:href"}]
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|https?:", text)
    assert len(text.encode()) < 200_000


def test_every_section_is_there_and_can_be_reached(page: Page) -> None:
    assert tuple(page.sections) == SECTIONS
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links == [f"#{section}" for section in SECTIONS]
    assert not [name for name, text in page.sections.items() if "Not measured" in text]


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            "summary",
            "Of 1,000 people of whom 50 have skin cancer, 48 (46 to 49) of the 50 would be told to have it seen or to",
        ),
        (
            "summary",
            "Of the 950 others, 565 (526 to 606) would be told “routine” and 385 would be asked",
        ),
        ("summary", "tells malignant from benign with an AUROC of 0.935"),
        ("summary", "for Fitzpatrick skin types IV, V and VI"),
        ("summary", "Targets met: 1 of 3. Not met: sensitivity, basal cell carcinoma. Too few photos to say"),
        (
            "figures",
            "AUROC|0.929 (0.917 to 0.941)|0.897 (0.874 to 0.923)|0.968 (0.957 to 0.977)|0.869 (0.807 to 0.917)|",
        ),
        ("figures", "ECE that perfect probabilities would show|0.013|0.020|0.017|0.086|"),
        ("points", "ham10000|180|21|168|630|0.950 (0.930 to 0.970)|"),
        ("points", "ham10000|3.6 %|16.2 %|51.7 %|99.9 %|99.3 %|-|"),
        ("points", "sensitivity 90 (the service"),
        ("points", "clinical|sensitivity_95|0.1322|0.955|0.372|"),
        ("targets", "sensitivity, melanoma|0.95 or more|0.963 (0.943 to 0.983)|109|met|"),
        ("targets", "sensitivity, squamous cell carcinoma|0.95 or more|1.000 (0.980 to 1.000)|7|too few to say|"),
        ("subgroups", "back|253|61|0.879 (0.821 to 0.927)|"),
        ("subgroups", "back (61 of 253)|0.879 (0.821 to 0.927)|"),
        ("subgroups", "2|47|36|too few to say|0.917 (0.808 to 1.000)|too few to say|"),
        ("subgroups", "mel|109|109|0.835 (0.761 to 0.905)|"),
        ("subgroups", "Individual typology angle of the skin in the photo|"),
        ("shortcuts", "ham10000|0.743|0.793|0.418|0.897 (0.874 to 0.923)|"),
        ("shortcuts", "from 0.897 (0.872 to 0.921) to 0.762 (0.716 to 0.802)"),
        ("shortcuts", "ruler|0.021 (0.001 to 0.041)|-0.010 (-0.030 to 0.010)|0.006 (-0.014 to 0.026)|"),
        ("robustness", "low resolution, 3|0.733 (0.713 to 0.753)|0.880 (0.860 to 0.900)|0.700 (0.680 to 0.720)|5.0 %|"),
        ("robustness", "a share of 0.967 (0.952 to 0.982) gets the same decision"),
        ("unfamiliar", "186 pictures of other things: AUROC of the distance from the training photos 0.993"),
        ("unfamiliar", "66.6 % are told “routine”"),
        ("unfamiliar", "good|2,123|99.6 %|-|"),
        ("leaks", "0 lesions or patients and 3 pairs of alike photos stand in two splits"),
        ("hard", "1|isic10k|malignant|0.012|routine|"),
        ("data", "ham10000|8,031|985|999|0|"),
        ("training", "seconds|1,740 (29 min)|"),
        ("training", "sides|192, 224|"),
        ("training", "tensorflow|2.21.0|"),
        ("version", "CC BY-NC 4.0 (ham10000; isic10k treated as such)"),
    ],
)
def test_what_was_measured_is_told(page: Page, section: str, expected: str) -> None:
    assert expected in page.sections[section]


def test_charts_are_drawn(page: Page) -> None:
    charts = [tag for tag, attributes in page.tags if tag == "svg" and attributes["role"] == "img"]
    assert len(charts) == 2 + 9 + 1 + 2 + 1  # curves, subgroups, overlays, corruptions, orientation


def test_an_older_version_says_what_was_not_measured() -> None:
    found = Page(html(older()))
    assert tuple(found.sections) == SECTIONS
    for section in ("curves", "points", "targets", "robustness", "unfamiliar", "leaks", "hard", "training"):
        assert "Not measured." in found.sections[section]
    assert "0.762 (0.716 to 0.802)" in found.sections["shortcuts"]


def test_a_version_without_figures_can_be_shown() -> None:
    bare = older().model_copy(update={"metrics": {}, "data": {}, "seeds": {}, "libraries": {}, "files": {}})
    assert "Not measured." in Page(html(bare)).sections["summary"]
    assert "Not measured." in card(bare)


@pytest.mark.parametrize("part", sorted(evidence()))
def test_every_part_of_the_evidence_may_be_absent(part: str) -> None:
    whole = measured()
    empty: tuple[dict[str, Any] | None, ...] = ({}, None)
    for found in empty:
        metrics = whole.metrics | {"evidence": whole.metrics["evidence"] | {part: found}}
        changed = whole.model_copy(update={"metrics": metrics})
        assert html(changed)
        assert card(changed)


def renamed(value: Any) -> Any:
    """Every name and text within made hostile."""
    if isinstance(value, dict):
        return {f"{name}{HOSTILE}": renamed(each) for name, each in value.items()}
    return HOSTILE if isinstance(value, str) else value


def hostile() -> Manifest:
    whole = measured()
    groups = whole.metrics["subgroups"]
    columns = {column: {f"{name}{HOSTILE}": f for name, f in values.items()} for column, values in groups.items()}
    parts = evidence()
    for name in ("curves", "operating_points", "quality_gate"):
        parts[name] = {f"{key}{HOSTILE}": each for key, each in parts[name].items()}
    parts["targets"] = [each | {"measure": HOSTILE, "target": HOSTILE} for each in parts["targets"]]
    parts["hard"] = [each | {"source": HOSTILE, "decision": HOSTILE} for each in parts["hard"]]
    metrics = whole.metrics | {"subgroups": columns | {HOSTILE: columns["sex"]}, "evidence": parts}
    metrics |= {"training": renamed(metrics["training"])}
    named = {"licence": HOSTILE, "git_commit": HOSTILE, "libraries": {HOSTILE: HOSTILE}, "parent": HOSTILE}
    data = whole.data | {"recipe": renamed(whole.data["recipe"]), "sources": {HOSTILE: {"train": 1}}}
    return whole.model_copy(update={**named, "metrics": metrics, "data": data})


def test_hostile_names_are_text() -> None:
    text = html(hostile())
    found = Page(text)
    assert HOSTILE in found.sections["data"]
    assert "script" not in {tag for tag, _ in found.tags}
    assert "<script" not in text


def test_hostile_names_break_no_table_of_the_card() -> None:
    text = card(hostile())
    assert "<" not in text
    assert "[a]" not in text
    tables = re.findall(r"(?:^\|.*\|$\n)+", text, re.MULTILINE)
    assert len(tables) > 20
    for table in tables:
        assert len({line.count("|") for line in table.splitlines()}) == 1


def test_the_card_has_the_sections_of_a_model_card() -> None:
    text = card(measured())
    assert tuple(re.findall(r"^## (.*)$", text, re.MULTILINE)) == CARD_SECTIONS
    assert "ot measured" not in text
    assert "| sensitivity, basal cell carcinoma | 0.9 or more | 0.890 (0.870 to 0.910) | 102 | not met |" in text
    assert "48 (46 to 49) of the 50" in text
    assert len(text) < 25_000


def test_a_group_is_judged_by_the_photos_that_a_figure_needs() -> None:
    group = {"n": 60, "malignant": 45}
    assert not few(group, "sensitivity")
    assert few(group, "specificity")
    assert few(group, "auroc")
    assert worth(group | {name: {"value": 1, "interval": [1, 1]} for name in ("a", "b")}) is None


def test_no_miss_among_few_is_told_with_what_it_leaves_open() -> None:
    right = {"value": 1.0, "interval": [1.0, 1.0]}
    found = worth({"n": 78, "malignant": 58, "sensitivity_of_being_seen": right, "share_routine_of_benign": right})
    assert found is not None
    assert "50 (47 to 50) of the 50" in found
    assert "950 (797 to 950) would" in found


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "-"),
        (True, "yes"),
        (12345, "12,345"),
        (0.00031, "0.00031"),
        (3391.2, "3,391"),
        ({"a": [1, 2]}, "a: 1, 2"),
        ("", "-"),
    ],
)
def test_any_value_can_be_read(value: Any, expected: str) -> None:
    assert plain(value) == expected


def test_figures_without_intervals() -> None:
    assert told({"value": 0.5, "interval": [None, None]}) == "0.500"
    assert told({"value": None, "interval": [None, None]}) == "-"
    assert reached([]) is None
