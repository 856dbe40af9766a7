"""What demonstrations do in several models: one family of tests, a table, a figure."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from pytest_framing.commands.comparison_text import stage_lines
from pytest_framing.commands.stage_figure import write_stage_figure
from pytest_framing.comparison.arm import Criteria
from pytest_framing.comparison.comparand import Comparand, run_comparand
from pytest_framing.comparison.comparison import compare
from pytest_framing.comparison.stages import Stage, compare_stages
from pytest_framing.errors import OutputError
from pytest_framing.suite import Suite
from tests.unit.builders import make_record, make_run, table
from tests.unit.demonstration_runs import Rule, planted, run_with, suite_with


def side(name: str, rule: Rule, suite: Suite | None = None) -> Comparand:
    run = run_with(rule, queries=40, suite=suite)
    return run_comparand(Path(name), make_record(run, name=name, run_id=name), {run.suite.name: run.evidence})


SFT, DPO = side("sft", planted(0.9, 0.4, -2.0)), side("dpo", planted(0.9, -0.6))


def stages(*sides: Comparand) -> tuple[Stage, ...]:
    return compare_stages(sides)["teapots"]


def test_each_stage_has_its_class_and_coefficients() -> None:
    sft, dpo = stages(SFT, DPO)
    assert (sft.name, sft.effect) == ("sft", "amplification")
    assert (dpo.name, dpo.effect) == ("dpo", "dilution")
    assert dpo.benign[1] < dpo.benign[0] < dpo.benign[2] < 0


def test_p_values_are_adjusted_over_models_and_hypotheses() -> None:
    alone = SFT.suites["teapots"].composition["hypotheses"]["harmful"]
    (sft, *_) = stages(SFT, DPO, side("instruct", planted(0.9, -0.6)))
    assert sft.p["harmful"] > alone["p_holm"] > alone["p"]


def test_one_side_alone_is_no_comparison() -> None:
    run = make_run(table(1, 0, 0, 1))
    plain = run_comparand(Path("plain"), make_record(run), {run.suite.name: run.evidence})
    assert compare_stages([SFT, plain]) == {}


def test_gaps_are_compared_where_the_framings_were_asked_and_nowhere_else() -> None:
    suite = suite_with(samplings=1, framings={"counts": [4], "fractions": [0.5]})
    sft, dpo = (side(one, rule, suite) for one, rule in (("sft", planted(0.9, 0.4)), ("dpo", planted(0.9, -0.6))))
    found = compare(sft, dpo, Criteria(0.05, 0.05)).suites["teapots"]
    assert {gap.mode for gap in found.gaps} == {"standard", "h2-b2-s1"}
    assert not [one for one in found.findings() if "no gap" in one]


def test_the_table_has_a_row_a_stage() -> None:
    lines = [line.text for line in stage_lines({"teapots": stages(SFT, DPO)})]
    assert len(lines) == 5
    assert "dpo" in lines[-1]
    assert "dilution" in lines[-1]


def test_undefined_coefficients_are_null_in_json() -> None:
    nothing = (math.nan, math.nan, math.nan)
    document = Stage("a", "run a", "none", nothing, nothing, {"total": math.nan}).document()
    assert document["benign"] == {"estimate": None, "low": None, "high": None}


@pytest.mark.parametrize("kind", [".svg", ".png"])
def test_the_figure_is_written(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"stages{kind}"
    write_stage_figure(stages(SFT, DPO), path)
    assert path.stat().st_size > 5000


def test_a_figure_of_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"expected a file of the kind .svg, .png, .pdf"):
        write_stage_figure(stages(SFT, DPO), tmp_path / "stages.txt")
