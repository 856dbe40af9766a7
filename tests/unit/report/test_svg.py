from __future__ import annotations

import re
from xml.etree import ElementTree

from pytest_framing.report.svg import COLOURS, drawing, inline_svg, new_figure


def drawn(title: str = "Kettles", label: str = "a kettle") -> str:
    with drawing():
        figure = new_figure(320, 120)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=COLOURS["reference"], linewidth=2, linestyle="--", marker="o", label=label)
        axes.legend()
        return inline_svg(figure, name="kettles", title=title, description="It rises.", kind="wide")


def test_colours_are_those_of_the_page_so_that_they_follow_it_into_the_dark() -> None:
    svg = drawn()
    assert 'stroke="var(--reference)"' in svg
    assert 'fill="var(--ink)"' in svg
    assert not re.search(r"#0[1-8]0[1-8]0[1-8]", svg)


def test_nothing_counts_on_styles_that_the_policy_of_the_page_forbids() -> None:
    svg = drawn()
    assert "style" not in svg
    assert "font-family" not in svg
    assert 'font-size="12px"' in svg


def test_text_stays_text_and_the_size_is_that_of_the_screen() -> None:
    root = ElementTree.fromstring(drawn())
    assert "a kettle" in "".join(root.itertext())
    assert root.get("viewBox") == "0 0 320 120"
    assert (root.get("width"), root.get("height")) == ("320", None)


def test_a_plot_is_an_image_with_a_name_and_a_description() -> None:
    root = ElementTree.fromstring(drawn())
    names = {element.get("id"): element.text for element in root.iter() if element.tag in ("title", "desc")}
    assert root.get("role") == "img"
    assert names[root.get("aria-labelledby")] == "Kettles"
    assert names[root.get("aria-describedby")] == "It rises."


def test_ids_are_of_this_plot_alone_and_every_one_that_is_referred_to_is_there() -> None:
    svg = drawn()
    ids = re.findall(r' id="([^"]+)"', svg)
    referred = {*re.findall(r'href="#([^"]+)"', svg), *re.findall(r"url\(#([^)]+)\)", svg)}
    assert referred
    assert referred <= set(ids)
    assert len(ids) == len(set(ids))
    assert all(name.startswith("kettles-") for name in ids)


def test_the_same_figure_is_the_same_text() -> None:
    assert drawn() == drawn()


def test_titles_and_labels_are_text_whatever_they_hold() -> None:
    svg = drawn(title="<script>alert(1)</script>", label="$<b>&x")
    assert "<script" not in svg
    assert "<b>" not in svg
    assert "$<b>&x" in "".join(ElementTree.fromstring(svg).itertext())
