from __future__ import annotations

import re
from pathlib import Path

from pytest_framing.composition_study import CompositionStudy
from pytest_framing.report.html import html_report
from pytest_framing.report.html_composition import composition_plot, ordering_plot
from pytest_framing.report.markdown import markdown_summary
from pytest_framing.report.terminal import summary_lines
from tests.unit.builders import make_run, table, write_run
from tests.unit.demonstration_runs import planted, run_with, suite_with

SUITE = suite_with(orderings={"counts": [16], "which": ["prefix"]})
RUN = run_with(planted(0.9, -0.6), queries=20, suite=SUITE)


def study() -> CompositionStudy:
    found = RUN.study.composition
    assert found is not None
    return found


def test_the_page_has_the_class_the_plots_and_every_condition(tmp_path: Path) -> None:
    conclusion = write_run(RUN, tmp_path)
    page = html_report(conclusion, tmp_path)
    section = page[page.index("Demonstrations in teapots") :].partition("</section>")[0]
    assert "<strong>dilution</strong>" in section
    assert section.count("<svg") == 4  # two plots, each wide and narrow
    assert all(f'<th scope="row">{name}</th>' in section for name in ("none", "h8-b8", "h8-b8-prefix"))


def test_a_suite_without_demonstrations_has_no_such_section(tmp_path: Path) -> None:
    assert "Demonstrations in" not in html_report(write_run(make_run(table(1, 0, 0, 1)), tmp_path), tmp_path)


def test_compliance_is_drawn_by_harmful_count_with_a_curve_for_each_benign_count() -> None:
    plot = composition_plot(study(), 0)
    assert plot is not None
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", plot.wide)
    assert {"0 benign", "2 benign", "4 benign", "8 benign", "16 benign"} <= set(texts)
    assert {"harmful demonstrations", "% complied", "16"} <= set(texts)


def test_orderings_are_drawn_with_intervals() -> None:
    plot = ordering_plot(study(), 0)
    assert plot is not None
    assert "h8-b8, harmful ones prefix" in plot.wide


def test_summaries_name_the_class_and_the_arm_without_demonstrations(tmp_path: Path) -> None:
    conclusion = write_run(RUN, tmp_path)
    lines = [line.text for line in summary_lines(conclusion, tmp_path)]
    assert any(line.startswith("  demonstrations: dilution. Benign demonstrations lower compliance") for line in lines)
    assert any(line.startswith("    complied: without any ") for line in lines)
    assert not any("no pairs" in line for line in lines)
    assert "| h8&#45;b8&#45;prefix |" in markdown_summary(conclusion.document())
