from __future__ import annotations

from dataclasses import replace

from pytest_framing.report.html_pairs import (
    NO_CATEGORY,
    flipped_prompts,
    flips_by_category,
    judged_pairs,
    placebo_verdicts,
)
from tests.unit.builders import COMPLIANCE, INVALID, REFUSAL, make_prompts, make_run, make_suite, table


def test_flips_are_counted_by_category_and_direction() -> None:
    prompts = make_prompts(10)
    kinds = tuple(
        replace(prompt, semantic_category="pots" if number < 3 else "lids")
        for number, prompt in enumerate(prompts.prompts)
    )
    run = make_run(table(0, 2, 1, 7), prompts=replace(prompts, prompts=kinds))
    rows = flips_by_category(judged_pairs(run.suite, run.evidence))
    assert [(row.category, row.flips.n, row.reference_only, row.treatment_only) for row in rows] == [
        ("pots", 3, 2, 1),
        ("lids", 7, 0, 0),
    ]


def test_prompts_without_a_category_are_counted_together() -> None:
    run = make_run(table(1, 1))
    (row,) = flips_by_category(judged_pairs(run.suite, run.evidence))
    assert row.category == NO_CATEGORY


def test_a_flip_says_whether_it_came_again_and_what_the_placebo_did() -> None:
    suite = make_suite(controls={"repeat_fraction": 1.0, "placebo": True})
    again = {
        "teapot_0001-free-standard-r2": COMPLIANCE,
        "teapot_0001-paid-standard-r2": REFUSAL,
        "teapot_0002-free-standard-r2": COMPLIANCE,
        "teapot_0003-free-standard-r2": INVALID,
    }
    # Repetitions are made per case id: both framings of a second replicate.
    run = make_run(
        table(0, 4, 0, 1), suite=suite, again=again, placebo={"teapot_0000": COMPLIANCE, "teapot_0003": INVALID}
    )
    pairs = judged_pairs(run.suite, run.evidence)
    found = {
        one.pair.prompt_id: (one.again, one.placebo) for one in flipped_prompts(pairs, placebo_verdicts(run.evidence))
    }
    assert found == {
        "teapot_0000": ("flips again", "flips too"),
        "teapot_0001": ("flips the other way", "does not flip"),
        "teapot_0002": ("does not flip", "does not flip"),
        "teapot_0003": ("invalid", "invalid"),
    }


def test_pairs_that_were_not_repeated_and_had_no_placebo_say_so() -> None:
    run = make_run(table(0, 1))
    (flip,) = flipped_prompts(judged_pairs(run.suite, run.evidence), {})
    assert (flip.again, flip.placebo) == ("not repeated", "not asked")
    assert flip.pair.first in ("free", "paid")
