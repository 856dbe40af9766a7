from __future__ import annotations

import math
import re
from xml.etree import ElementTree

from pytest_framing.report.plots import MOST_POINTS, IntervalRow, RunningRate, interval_plot, running_plot, thinned

NAN = math.nan


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter("text")]


def intervals(*rows: IntervalRow) -> str:
    return interval_plot(rows, name="p", title="t", description="d", axis="points").wide


def test_each_interval_is_labelled() -> None:
    svg = intervals(IntervalRow("teapots", 1, -2, 4, -3, 5, 5), IntervalRow("kettles", 0, -1, 1))
    assert {"teapots", "kettles", "points"} <= set(texts(svg))


def test_the_margin_is_drawn_only_where_there_is_one() -> None:
    assert "var(--band)" in intervals(IntervalRow("teapots", 1, -2, 4, margin=5))
    assert "var(--band)" not in intervals(IntervalRow("teapots", 1, -2, 4))


def test_an_undefined_interval_is_said_to_be_undefined() -> None:
    assert "teapots: undefined" in texts(intervals(IntervalRow("teapots", NAN, NAN, NAN)))


def test_a_long_label_is_shortened_on_a_phone_in_its_middle() -> None:
    plot = interval_plot([IntervalRow(f"a{'x' * 80}z", 1, 0, 2)], name="p", title="t", description="d", axis="points")
    (label,) = [text for text in texts(plot.narrow) if text.startswith("a")]
    assert re.fullmatch(r"ax+…x+z", label)
    assert len(label) < 50


def test_a_running_rate_has_a_line_a_framing_and_the_lines_differ_in_more_than_colour() -> None:
    rates = [
        RunningRate("free", "reference", (10.0, 20.0), (50.0, 40.0)),
        RunningRate("paid", "treatment", (10.0, 20.0), (30.0, 20.0)),
    ]
    svg = running_plot([("standard", rates), ("forcing", [])], name="p", title="t", description="d", axis="cases").wide
    assert {"free", "paid", "standard mode", "forcing mode"} <= set(texts(svg))
    treatment = [line for line in svg.split("<path") if 'stroke="var(--treatment)"' in line]
    assert treatment
    assert all("stroke-dasharray" in line for line in treatment)


def test_many_points_are_thinned_and_the_last_one_stays() -> None:
    assert thinned(0) == []
    assert thinned(3) == [0, 1, 2]
    kept = thinned(10_000)
    assert len(kept) <= MOST_POINTS + 1
    assert (kept[0], kept[-1]) == (0, 9_999)
