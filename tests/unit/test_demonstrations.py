"""Contexts of demonstrations: which conditions there are, what stands in each of them, and how they are planned."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.demonstrations import arrange, conditions, contexts, demonstrations_document, harmful_count
from pytest_framing.errors import PromptError, SuiteError
from pytest_framing.framings import Message, builtin_catalogue, conversation
from tests.unit.builders import make_prompts
from tests.unit.demonstration_runs import make_pool, make_pools, plan_with, shown_by, suite_with

HERE = Path("suite.yaml")


def names(**changes: Any) -> list[str]:
    return list(conditions(shown_by(suite_with(**changes)), HERE))


@pytest.mark.parametrize(
    ("count", "fraction", "harmful"),
    [(4, 0.25, 1), (4, 0.125, 1), (4, 0.1, 0), (100, 0.29, 29), (5, 0.5, 3), (3, 1, 3)],
)
def test_a_fraction_that_gives_no_whole_number_is_rounded_half_up(count: int, fraction: float, harmful: int) -> None:
    assert harmful_count(count, fraction) == harmful


def test_the_grid_is_every_count_with_every_fraction() -> None:
    assert names() == ["h0-b4", "h2-b2", "h4-b0", "h0-b16", "h8-b8", "h16-b0"]


def test_two_mixtures_of_the_same_numbers_are_refused() -> None:
    with pytest.raises(SuiteError, match=r"0\.6 come to 2 harmful and 2 benign ones, as another mixture does"):
        names(counts=[4], fractions=[0.5, 0.6])


def test_other_orderings_cues_and_sources_are_conditions_outside_of_the_grid() -> None:
    found = conditions(
        shown_by(
            suite_with(
                counts=[4],
                fractions=[0.5, 1],
                orderings={"counts": [4], "which": ["prefix", "random"]},
                cues={"counts": [4], "which": ["Sure: "]},
                other_benign=[{"source": "letters"}],
                benign_ablation={"counts": [4]},
            )
        ),
        HERE,
    )
    assert list(found) == ["h2-b2", "h4-b0", "h2-b2-prefix", "h2-b2-random", "h2-b2-cue2", "h2-b2-letters"]
    assert [one.grid for one in found.values()] == [True, True, False, False, False, False]


def test_demonstrations_of_one_kind_have_one_ordering() -> None:
    shown = {"counts": [4], "fractions": [0, 1]}
    assert names(**shown, orderings={"counts": [4], "fractions": [0, 1], "which": ["prefix"]}) == ["h0-b4", "h4-b0"]


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [("prefix", "HHHbbb"), ("suffix", "bbbHHH"), ("middle", "bHHHbb"), ("interleaved", "bHbHbH")],
)
def test_the_ordering_says_where_the_harmful_ones_stand(ordering: Any, expected: str) -> None:
    harmful, benign = (make_pool(name, 3).demonstrations for name in ("H", "b"))
    placed = arrange(harmful, benign, ordering, random.Random(1))
    assert "".join(one.id[0] for one in placed) == expected


@pytest.mark.parametrize("harmful", range(9))
def test_every_ordering_shows_every_demonstration_once(harmful: int) -> None:
    bad, good = make_pool("H", harmful).demonstrations, make_pool("b", 8 - harmful).demonstrations
    for ordering in ("prefix", "suffix", "middle", "interleaved", "random"):
        placed = arrange(bad, good, ordering, random.Random(1))
        assert Counter(one.id for one in placed) == Counter(one.id for one in (*bad, *good))


def test_orderings_and_cues_show_the_same_demonstrations() -> None:
    suite = suite_with(
        counts=[4],
        fractions=[0.5],
        orderings={"counts": [4], "which": ["prefix"]},
        cues={"counts": [4], "which": ["Ok: "]},
    )
    drawn = contexts(suite, shown_by(suite), make_pools())
    own, first, other = (
        {one.id for one in drawn[f"{name}-s1"].demonstrations} for name in list(conditions(shown_by(suite), HERE))
    )
    assert own == first == other
    assert drawn["h2-b2-cue2-s1"].messages[1].content.startswith("Ok: Fold")


def test_each_sampling_and_each_seed_draws_anew() -> None:
    suite = suite_with(counts=[8], fractions=[0.5])
    again = suite.model_copy(update={"order": suite.order.model_copy(update={"seed": 8})})
    pools = make_pools()
    first, second = contexts(suite, shown_by(suite), pools).values()
    assert {one.id for one in first.demonstrations} != {one.id for one in second.demonstrations}
    assert contexts(again, shown_by(again), pools)["h4-b4-s1"].demonstrations != first.demonstrations
    assert contexts(suite, shown_by(suite), pools)["h4-b4-s1"].demonstrations == first.demonstrations


def test_a_pool_that_is_too_small_says_how_many_it_takes() -> None:
    suite = suite_with(counts=[64], fractions=[1])
    with pytest.raises(
        PromptError, match="'restricted' is too small: it has 40 demonstrations, and a context needs 64"
    ):
        contexts(suite, shown_by(suite), make_pools())


def test_demonstrations_stand_between_system_turn_and_request_and_are_shared() -> None:
    suite = suite_with(counts=[1], fractions=[1])
    context = contexts(suite, shown_by(suite), make_pools())["h1-b0-s1"]
    prompt = make_prompts(1).prompts[0]
    catalogue = builtin_catalogue()
    turns = conversation(prompt, catalogue.framing("free"), context.name, "system", catalogue, context.messages)
    assert [(turn.role, turn.shared) for turn in turns] == [
        ("system", True),
        ("user", True),
        ("assistant", True),
        ("user", False),
    ]
    assert turns[-1] == Message("user", prompt.text)


def test_every_query_is_asked_in_every_context_and_without_any() -> None:
    plan, drawn = plan_with(suite_with(), make_prompts(5), make_pools())
    modes = Counter(case.mode for case in plan.suites[0].cases)
    assert modes == {"standard": 5, **dict.fromkeys(drawn, 5)}
    assert {case.framing for case in plan.suites[0].cases} == {"none"}
    assert "teapot_0003-none-h8-b8-s2" in {case.id for case in plan.suites[0].cases}


def test_a_framed_mixture_is_also_put_as_pairs_and_so_is_the_arm_without_demonstrations() -> None:
    suite = suite_with(framings={"counts": [4], "fractions": [0.5]})
    plan, _ = plan_with(suite, make_prompts(5), make_pools())
    pairs = Counter(case.mode for case in plan.suites[0].cases if case.role == "pair")
    assert pairs == {"standard": 10, "h2-b2-s1": 10, "h2-b2-s2": 10}


def test_batches_hold_one_context_and_those_of_a_context_follow_one_another() -> None:
    plan, _ = plan_with(suite_with(), make_prompts(30), make_pools())
    by_batch = [{plan.cases[batch.suite, case].mode for case in batch.case_ids} for batch in plan.batches.values()]
    assert all(len(modes) == 1 for modes in by_batch)
    order = [next(iter(modes)) for modes in by_batch]
    assert len([mode for mode, before in zip(order, ["", *order], strict=False) if mode != before]) == len(set(order))


def test_a_batch_counts_the_shared_prefix_apart() -> None:
    plan, _ = plan_with(suite_with(counts=[16], fractions=[1]), make_prompts(3), make_pools())
    batches = {plan.cases[one.suite, one.case_ids[0]].mode: one for one in plan.batches.values()}
    assert batches["h16-b0-s1"].prefix == 1600
    assert batches["standard"].prefix == 0
    assert batches["h16-b0-s1"].length < 300


def test_plans_with_demonstrations_are_read_back() -> None:
    plan, _ = plan_with(suite_with(), make_prompts(2), make_pools())
    (suite,) = plan.suites
    assert type(suite).from_document(suite.suite, suite.document()) == suite


def test_what_the_protocol_holds_of_them_is_the_same_after_a_file() -> None:
    suite, pools = suite_with(framings={"counts": [4]}), make_pools()
    plan, _ = plan_with(suite, make_prompts(2), pools)
    document = demonstrations_document(shown_by(suite), pools, plan.suites[0].contexts)
    assert json.loads(json.dumps(document)) == document
    assert "folded" not in json.dumps(document)
