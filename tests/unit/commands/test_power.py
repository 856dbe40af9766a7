"""``framing power``: what a planner reads, and what a script gets."""

from __future__ import annotations

import json
import math
from itertools import product
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.commands.detectability import Detectability, Question, detectability
from pytest_framing.commands.power import conclusion, lines

Capture = pytest.CaptureFixture[str]


def text(found: Detectability) -> str:
    return "\n".join(lines(found))


def printed_document(capsys: Capture) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


@pytest.mark.parametrize(
    ("flip_rate", "smallest"),
    [(0.02, 0.0198), (0.05, 0.0312), (0.10, 0.0442), (0.15, 0.0541)],
)
def test_the_smallest_gaps_that_the_specification_lists(flip_rate: float, smallest: float) -> None:
    found = detectability(Question(400, flip_rate, 0.05, comparisons=1))
    assert found.smallest_detectable_gap == pytest.approx(smallest, abs=5e-5)


def test_comparisons_share_alpha() -> None:
    alone, shared = (detectability(Question(400, 0.1, 0.05, comparisons=m)) for m in (1, 4))
    assert (alone.level, shared.level) == (0.05, 0.0125)
    assert shared.smallest_detectable_gap > alone.smallest_detectable_gap
    assert shared.power_to_detect_margin < alone.power_to_detect_margin
    assert shared.power_to_show_equivalence == alone.power_to_show_equivalence


@pytest.mark.parametrize(("margin", "pairs"), [(0.05, 52), (0.03, 88), (0.02, 133), (0.01, 268)])
def test_pairs_without_a_flip(margin: float, pairs: int) -> None:
    assert detectability(Question(400, 0.05, margin)).prompts_without_flips == pairs


def test_as_many_prompts_as_are_asked_for_are_enough() -> None:
    planned = detectability(Question(400, 0.1, 0.05))
    enough = math.ceil(planned.prompts_to_detect_margin)
    assert not detectability(Question(enough - 1, 0.1, 0.05)).sees_margin
    assert detectability(Question(enough, 0.1, 0.05)).sees_margin
    settled = int(planned.prompts_to_show_equivalence)
    assert detectability(Question(settled, 0.1, 0.05)).shows_equivalence
    assert not detectability(Question(settled - 10, 0.1, 0.05)).shows_equivalence


def test_a_margin_above_the_flip_rate_is_no_gap_that_can_occur() -> None:
    found = detectability(Question(400, 0.03, 0.05))
    assert math.isnan(found.power_to_detect_margin)
    assert math.isnan(found.prompts_to_detect_margin)
    assert "power to detect the margin    impossible: a gap cannot exceed the flip rate" in text(found)
    assert found.shows_equivalence


def test_a_run_that_sees_nothing_says_why() -> None:
    found = detectability(Question(20, 0.05, 0.05))
    assert "no gap can be detected: about 1 of the pairs would flip, which is too few" in text(found)
    assert "nan" not in text(found)
    assert conclusion(found).startswith("20 prompts cannot see any gap, and cannot show that no gap reaches 5 points")


@pytest.mark.parametrize(
    ("flip_rate", "sentence"),
    [
        (
            0.05,
            "400 prompts can see a gap of 3.44 points or more but cannot see a smaller one, and can show that no gap "
            "reaches 5 points (with 5 % flips, 80 % of the time).",
        ),
        (
            0.15,
            "400 prompts can see a gap of 5.96 points or more but cannot see one of 5 points, and cannot show that no "
            "gap reaches 5 points (with 15 % flips, 80 % of the time).",
        ),
    ],
)
def test_the_conclusion_is_a_sentence_to_decide_by(flip_rate: float, sentence: str) -> None:
    assert conclusion(detectability(Question(400, flip_rate, 0.05))) == sentence


def test_a_gap_of_the_figure_shown_is_detectable() -> None:
    found = detectability(Question(400, 0.03, 0.05))
    assert f"{100 * found.smallest_detectable_gap:.2f}" == "2.66"
    assert "2.67 points or more" in conclusion(found)


def test_the_approximation_takes_over_where_it_is_as_good() -> None:
    exact = detectability(Question(10**6, 0.5, 0.002))
    approximate = detectability(Question(10**6 + 1, 0.5, 0.002))
    assert (exact.power_method, approximate.power_method) == ("exact", "approximate")
    assert approximate.power_to_detect_margin == pytest.approx(exact.power_to_detect_margin, abs=1e-3)
    assert "(approximate, Connor's formula)" in text(approximate)


def test_more_prompts_than_anyone_runs_are_not_counted() -> None:
    assert "prompts to show equivalence   more than 10 million prompts" in text(detectability(Question(400, 0.5, 1e-4)))


@pytest.mark.parametrize(
    "question",
    [
        Question(*values)
        for values in product((1, 10**7), (5e-324, 0.05, 1.0), (1e-7, 0.05, 1 - 1e-16), (1, 10_000), (1e-9, 0.499))
    ],
    ids=str,
)
def test_the_ends_of_what_may_be_asked_have_an_answer(question: Question) -> None:
    found = detectability(question)
    json.dumps(found.document(), allow_nan=False)
    assert "nan" not in text(found)
    assert found.smallest_detectable_gap <= question.flip_rate or math.isnan(found.smallest_detectable_gap)
    for power in (found.power_to_detect_margin, found.power_to_show_equivalence):
        assert 0 <= power <= 1 or math.isnan(power)


def test_the_command_ends_with_zero_whatever_the_answer(capsys: Capture) -> None:
    assert main(["power", "--n", "400", "--flip-rate", "0.05", "--margin", "0.05"]) == 0
    assert "level of each comparison      0.025 (0.05 over 2)" in capsys.readouterr().out
    assert main(["power", "--n", "1", "--flip-rate", "0.05", "--margin", "0.1"]) == 0
    assert "1 prompt cannot see any gap" in capsys.readouterr().out


def test_json_is_unrounded_and_undefined_is_null_with_a_reason(capsys: Capture) -> None:
    assert main(["power", "--n", "400", "--flip-rate", "0.15", "--margin", "0.05", "--json"]) == 0
    document = printed_document(capsys)
    assert document["prompts_to_detect_margin"] == pytest.approx(567.69954, abs=1e-4)
    assert document["prompts_to_show_equivalence"] == 525
    assert document["power_to_detect_margin_method"] == "exact"
    assert document["undefined"] == {}
    assert main(["power", "--n", "20", "--flip-rate", "0.03", "--margin", "0.05", "--json"]) == 0
    document = printed_document(capsys)
    undefined = {"smallest_detectable_gap", "power_to_detect_margin", "prompts_to_detect_margin"}
    assert {name for name in undefined if document[name] is None} == undefined == document["undefined"].keys()
    assert document["power_to_detect_margin_method"] is None


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--n", "0", "argument --n: must be a whole number from 1 to 10,000,000, got '0'"),
        ("--n", "-5", "argument --n"),
        ("--n", "4.5", "argument --n"),
        ("--n", "1" + 5000 * "0", "argument --n"),
        ("--flip-rate", "0", "argument --flip-rate: must be above 0 and at most 1 (5 % is 0.05), got '0'"),
        ("--flip-rate", "5", "argument --flip-rate"),
        ("--flip-rate", "nan", "argument --flip-rate"),
        ("--margin", "0", "argument --margin"),
        ("--margin", "1", "argument --margin: must be at least 1e-07 and below 1"),
        ("--comparisons", "0", "argument --comparisons"),
        ("--alpha", "0.5", "argument --alpha"),
        ("--power", "0.5", "argument --power"),
        ("--power", "1", "argument --power"),
    ],
)
def test_bad_input_is_named(option: str, value: str, message: str, capsys: Capture) -> None:
    given = {"--n": "400", "--flip-rate": "0.05", "--margin": "0.05", option: value}
    with pytest.raises(SystemExit) as ended:
        main(["power", *(word for pair in given.items() for word in pair)])
    assert ended.value.code == 3
    assert message in capsys.readouterr().err
