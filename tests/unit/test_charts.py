"""Charts: well-formed, safe, at the right places."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from nevus.charts import Axis, Estimate, Series, bar_chart, figure, forest, line_chart, ticks

HOSTILE = '<script>alert(1)</script>"&'


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)  # noqa: S314  # our own text, and what fails here is the test


def texts(svg: str) -> list[str]:
    return [each.text or "" for each in drawn(svg).iter("text")]


def test_lines_go_from_corner_to_corner() -> None:
    svg = line_chart("ROC", [Series("a", [(0, 0), (1, 1)])], Axis("x", 0, 1), Axis("y", 0, 1), diagonal=True)
    corners = "46.0,250.0 344.0,24.0"
    assert [each.get("points") for each in drawn(svg).iter("polyline")] == [corners, corners]
    assert {"x", "y", "a", "0.2", "0.8"} <= set(texts(svg))


def test_points_have_error_bars_and_need_no_line() -> None:
    points = Series("a", [(0.5, 0.5), (0.7, 0.6)], [(0.25, 0.75), None], joined=False)
    root = drawn(line_chart("t", [points], Axis("x", 0, 1), Axis("y", 0, 1)))
    assert len(list(root.iter("circle"))) == 2
    assert not list(root.iter("polyline"))
    assert [each.get("y1") for each in root.iter("line") if each.get("opacity") == ".7"] == ["193.5"]


def test_a_forest_tells_values_and_says_where_there_are_too_few() -> None:
    rows = [Estimate("back", 0.88, (0.82, 0.93)), Estimate("hand", note="too few to say")]
    svg = forest("AUROC by site", rows, Axis("AUROC", 0.5, 1), reference=0.9)
    assert {"back", "0.880 (0.820 to 0.930)", "hand", "too few to say"} <= set(texts(svg))
    assert len(list(drawn(svg).iter("circle"))) == 1
    assert "0,88" in texts(forest("AUROC", [Estimate("espalda", 0.88, text="0,88")], Axis("AUROC")))


def test_bars_are_as_long_as_their_values() -> None:
    groups = [("training", [Estimate("", 200.0, (190, 210)), Estimate("", 100.0)]), ("other", [Estimate("")])]
    root = drawn(bar_chart("time", ["laptop", "cloud"], groups, Axis("seconds", 0, 200)))
    assert [float(each.get("width", "")) for each in root.iter("rect")] == [260.0, 130.0]
    assert "not measured" in texts(bar_chart("time", ["laptop", "cloud"], groups, Axis("seconds")))


@pytest.mark.parametrize(
    "svg",
    [
        line_chart(HOSTILE, [Series(HOSTILE, [(0, 1)], marked=True)], Axis(HOSTILE), Axis(HOSTILE)),
        forest(HOSTILE, [Estimate(HOSTILE, 1.0, note=HOSTILE), Estimate(HOSTILE, note=HOSTILE)], Axis(HOSTILE)),
        bar_chart(HOSTILE, [HOSTILE], [(HOSTILE, [Estimate("", 2.0, note=HOSTILE)])], Axis(HOSTILE)),
        line_chart(HOSTILE, [], Axis("x"), Axis("y")),
        forest(HOSTILE, [], Axis("x")),
        bar_chart(HOSTILE, [], [], Axis("x")),
    ],
)
def test_names_are_text_and_nothing_comes_from_elsewhere(svg: str) -> None:
    assert drawn(svg).get("role") == "img"
    assert drawn(svg).findtext("title") == HOSTILE
    assert not re.search(r"<script|href|url\(|://|@import|style=", svg)


def test_a_value_that_is_no_number_is_left_out() -> None:
    svg = line_chart("t", [Series("a", [(0, float("nan")), (1, 2), (2, 3)])], Axis("x"), Axis("y"))
    assert "nan" not in svg


@pytest.mark.parametrize(
    ("bounds", "expected"),
    [
        ((0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ((0.5, 1), [0.5, 0.6, 0.7, 0.8, 0.9, 1]),
        ((-0.03, 0.08), [-0.02, 0, 0.02, 0.04, 0.06, 0.08]),
        ((0, 7260), [0, 2000, 4000, 6000]),
    ],
)
def test_ticks_are_round(bounds: tuple[float, float], expected: list[float]) -> None:
    assert ticks(*bounds) == pytest.approx(expected)


def test_figures_keep_three_digits() -> None:
    assert [figure(each) for each in (0.8971, 12.34, 1240.4, -0.02)] == ["0.897", "12.3", "1,240", "-0.020"]
