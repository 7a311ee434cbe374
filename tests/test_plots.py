"""Plots: where things are drawn, what is said of them, and that no name becomes markup."""

from __future__ import annotations

import re
from math import nan
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from markupsafe import Markup

from eval.plots import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Series,
    bar,
    histogram,
    lines,
    reliability,
    whisker,
)

UNIT = Axis("x", 0.0, 1.0)
HOSTILE = "<script>alert(1)</script>\"'&{{7*7}}"


def parsed(svg: Markup) -> Element:
    root = ElementTree.fromstring(str(svg))
    assert root.tag == "svg"
    return root


def of_class(root: Element, name: str) -> list[Element]:
    return [found for found in root.iter() if name in found.get("class", "").split()]


def numbers(element: Element, *names: str) -> list[float]:
    return [float(element.get(name, "nan")) for name in names]


def words(root: Element) -> list[str]:
    return [found.text or "" for found in root.iter("text")]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.0, 1.0, [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0.8, 1.0, [0.8, 0.85, 0.9, 0.95, 1.0]),
        (1.0, 10.0, [2.0, 4.0, 6.0, 8.0, 10.0]),
        (0.0, 437.0, [0.0, 100.0, 200.0, 300.0, 400.0]),
        (0.0, 0.003, [0.0, 0.0005, 0.001, 0.0015, 0.002, 0.0025, 0.003]),
    ],
)
def test_the_ticks_of_an_axis_are_round_values_within_it(low: float, high: float, expected: list[float]) -> None:
    assert Axis("x", low, high).ticks() == pytest.approx(expected)


def test_a_line_goes_from_corner_to_corner_of_the_area() -> None:
    root = parsed(lines([Series("a", [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])], x=UNIT, y=UNIT, label="a rises"))
    (line,) = of_class(root, "line")
    left, right, bottom = LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM
    middle = f"{(left + right) / 2:.1f},{(TOP + bottom) / 2:.1f}"
    assert line.get("points") == f"{left:.1f},{bottom:.1f} {middle} {right:.1f},{TOP:.1f}"
    assert (root.get("role"), root.get("aria-label")) == ("img", "a rises")
    assert root.get("width") is None


def test_what_is_beyond_an_axis_is_drawn_at_its_end() -> None:
    root = parsed(lines([Series("a", [(-1.0, 0.0), (9.0, 1.0)])], x=UNIT, y=UNIT, label="a"))
    assert [point.get("cx") for point in of_class(root, "point")] == [f"{LEFT}", f"{WIDTH - RIGHT}"]


def test_several_lines_are_told_apart_by_a_legend_and_one_needs_none() -> None:
    one = lines([Series("first", [(0.0, 0.0)])], x=UNIT, y=UNIT, label="")
    two = lines([Series("first", [(0.0, 0.0)]), Series("second", [(1.0, 1.0)])], x=UNIT, y=UNIT, label="")
    assert "first" not in words(parsed(one))
    assert words(parsed(two))[-2:] == ["first", "second"]
    assert len(of_class(parsed(two), "s1")) == 3  # line, point and sample in the legend
    heights = [float(parsed(svg).get("viewBox", "").split()[3]) for svg in (one, two)]
    assert heights[1] > heights[0]


def test_the_chosen_point_is_a_ring_of_its_own_that_says_what_it_is() -> None:
    chosen = ((0.5, 0.25), "threshold 0.35")
    (ring,) = of_class(
        parsed(lines([Series("a", [(0.0, 0.0), (1.0, 1.0)], chosen)], x=UNIT, y=UNIT, label="a")), "chosen"
    )
    assert ring.findtext("title") == "a: threshold 0.35"
    assert numbers(ring, "cx", "cy") == pytest.approx([(LEFT + WIDTH - RIGHT) / 2, 206 - 0.25 * 190])


def test_the_points_of_a_reliability_diagram_have_areas_as_their_questions() -> None:
    root = parsed(reliability([[0.2, 0.4, 25], [0.8, 0.8, 100]], label="r"))
    few, many = (float(point.get("r", "nan")) for point in of_class(root, "point"))
    assert many**2 == pytest.approx(4 * few**2)
    assert [point.findtext("title") for point in of_class(root, "point")] == [
        "25 questions: mean confidence 0.20, 0.40 right",
        "100 questions: mean confidence 0.80, 0.80 right",
    ]
    corners = f"{LEFT:.1f},{HEIGHT - BOTTOM:.1f} {WIDTH - RIGHT:.1f},{TOP:.1f}"
    assert [line.get("points") for line in of_class(root, "guide")] == [corners]
    assert len(of_class(root, "gap")) == 2


def test_the_columns_of_a_histogram_are_as_high_as_their_questions_are_many() -> None:
    svg = histogram([[0, 10, 8], [10, 20, 2], [20, 30, 0]], x_label="ms", marks={"p50 8 ms": 8.0}, label="h")
    root = parsed(svg)
    eight, two, none = (float(column.get("height", "nan")) for column in of_class(root, "column"))
    assert eight == pytest.approx(4 * two, abs=0.05)
    assert none == 0
    assert "p50 8 ms" in words(root)
    (mark,) = of_class(root, "mark")
    assert float(mark.get("x1", "nan")) == pytest.approx(LEFT + 8 / 30 * 300)


@pytest.mark.parametrize(("share", "width"), [(0.0, 0.0), (0.25, 25.0), (1.0, 100.0), (1.5, 100.0), (-1.0, 0.0)])
def test_a_bar_fills_its_share_of_the_track(share: float, width: float) -> None:
    (filled,) = of_class(parsed(bar(share, label="b")), "fill")
    assert numbers(filled, "width") == [width]


def test_a_whisker_spans_the_interval_and_is_left_out_without_one() -> None:
    (span,) = of_class(parsed(whisker(0.5, (0.25, 0.75), label="w")), "span")
    assert numbers(span, "x", "width") == [25.0, 50.0]
    bare = parsed(whisker(0.5, None, label="w"))
    assert of_class(bare, "span") == []
    assert numbers(of_class(bare, "dot")[0], "cx") == [50.0]


def test_hostile_names_stay_text() -> None:
    series = [Series(HOSTILE, [(0.0, 0.0)], ((0.0, 0.0), HOSTILE)), Series("b", [(1.0, 1.0)])]
    for svg in (
        lines(series, x=Axis(HOSTILE, 0, 1), y=UNIT, label=HOSTILE),
        histogram([[0, 1, 1]], x_label=HOSTILE, marks={HOSTILE: 0.5}, label=HOSTILE),
        bar(0.5, label=HOSTILE),
    ):
        root = parsed(svg)
        assert root.get("aria-label") == HOSTILE
        assert not list(root.iter("script"))
    long_name = parsed(lines([Series("n" * 200, []), Series("b", [])], x=UNIT, y=UNIT, label=""))
    assert "n" * 43 + "…" in words(long_name)


def test_colours_come_from_the_page_alone() -> None:
    drawn = (
        lines([Series("a", [(0.0, 0.0)]), Series("b", [(1.0, 1.0)])], x=UNIT, y=UNIT, label="l")
        + reliability([[0.2, 0.4, 25]], label="r")
        + histogram([[0, 1, 1]], x_label="ms", marks={"p50": 0.5}, label="h")
        + bar(0.5, label="b")
        + whisker(0.5, (0.4, 0.6), label="w")
    )
    assert not re.search(r"""\b(?:style|fill|stroke|color)=|#[0-9a-f]{3}|rgb|url\(|https?:""", drawn)


def test_what_is_not_a_number_cannot_be_drawn() -> None:
    with pytest.raises(ValueError, match="nan cannot be drawn"):
        bar(nan, label="b")
