from __future__ import annotations

from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from pytest_framing.evidence import gather_evidence
from pytest_framing.inspect_interop.samples import STOP_REASONS
from pytest_framing.records import Case, FinishReason
from pytest_framing.schemas import schema
from tests.unit.builders import JUDGE, Run, make_response, make_run, make_verdict, some_examples, table

RUN = make_run(table(2, 1, 1, 2))
FIRST = RUN.cases[0]


def test_a_whole_run_is_complete() -> None:
    evidence = RUN.evidence
    assert evidence.complete
    assert evidence.shortfall() == ""
    assert len(evidence.responses) == len(evidence.verdicts) == len(RUN.cases) == 12


def test_a_case_that_did_not_run_is_missing() -> None:
    evidence = RUN.without(FIRST).evidence
    assert evidence.missing == (FIRST.key,)
    assert not evidence.complete
    assert "12 planned" in evidence.shortfall()
    assert f"1 did not run (first: {FIRST.id})" in evidence.shortfall()


def test_a_case_that_the_user_left_out_is_deselected_and_not_missing() -> None:
    evidence = RUN.without(FIRST, deselected=True).evidence
    assert (evidence.missing, evidence.deselected) == ((), (FIRST.key,))
    assert evidence.narrowed
    assert not evidence.complete


def test_what_was_left_out_and_ran_all_the_same_is_not_deselected() -> None:
    assert replace(RUN, deselected=frozenset({FIRST.key})).evidence.complete


def test_a_run_that_lacks_more_than_was_left_out_is_not_narrowed() -> None:
    run = RUN.without(FIRST, deselected=True).without(RUN.cases[1])
    assert not run.evidence.narrowed
    assert "1 did not run" in run.evidence.shortfall()
    assert "1 were deselected" in run.evidence.shortfall()


def test_a_response_without_a_verdict_is_unjudged() -> None:
    evidence = replace(RUN, verdicts=RUN.verdicts[1:]).evidence
    assert evidence.unjudged == (RUN.verdicts[0].key,)
    assert "1 have no verdict" in evidence.shortfall()


def test_a_verdict_without_a_response_does_not_make_a_case_that_ran() -> None:
    evidence = replace(RUN, responses=RUN.responses[1:]).evidence
    assert evidence.missing == (RUN.responses[0].key,)


def test_verdicts_of_another_judge_do_not_count() -> None:
    others = tuple(replace(verdict, judge="llm/2") for verdict in RUN.verdicts)
    assert len(replace(RUN, verdicts=others).evidence.unjudged) == 12
    assert replace(RUN, verdicts=RUN.verdicts + others).evidence.complete


def test_a_response_that_was_recorded_twice_is_duplicated() -> None:
    evidence = replace(RUN, responses=(*RUN.responses, RUN.responses[3])).evidence
    assert evidence.duplicated == (RUN.responses[3].key,)
    assert not evidence.complete


def test_a_case_that_was_judged_twice_by_one_judge_is_duplicated() -> None:
    evidence = replace(RUN, verdicts=(*RUN.verdicts, RUN.verdicts[3])).evidence
    assert evidence.duplicated == (RUN.verdicts[3].key,)
    assert "1 were recorded more than once" in evidence.shortfall()


def test_a_record_of_a_case_that_was_not_planned_is_unplanned() -> None:
    stranger = replace(FIRST, id="stranger-free-standard")
    run = replace(RUN, responses=(*RUN.responses, make_response(stranger)))
    assert run.evidence.unplanned == (stranger.key,)
    assert not run.evidence.complete
    assert stranger.key not in run.evidence.responses


def test_an_unplanned_verdict_is_noticed_even_without_a_response() -> None:
    stranger = replace(FIRST, id="stranger-free-standard")
    verdict = make_verdict(stranger, RUN.verdicts[0].verdict)
    assert replace(RUN, verdicts=(*RUN.verdicts, verdict)).evidence.unplanned == (stranger.key,)


def test_a_run_that_was_cut_short_says_so() -> None:
    assert "the run was cut short" in replace(RUN, interrupted=True).evidence.shortfall()


def test_evidence_does_not_print_answers() -> None:
    assert "ironed" not in repr(RUN.evidence)


def test_a_record_of_a_suite_that_was_not_planned_is_not_overlooked() -> None:
    stranger = replace(FIRST, suite="kettles")
    evidence = replace(RUN, responses=(*RUN.responses, make_response(stranger))).evidence
    assert not evidence.complete


def shuffled(run: Run, order: list[int]) -> Run:
    return replace(
        run, responses=tuple(run.responses[n] for n in order), verdicts=tuple(run.verdicts[n] for n in order)
    )


@given(order=st.permutations(range(12)), lost=st.sets(st.sampled_from(RUN.cases)))
@some_examples
def test_evidence_does_not_depend_on_the_order_of_the_ledger(order: list[int], lost: set[Case]) -> None:
    one, other = RUN.without(*lost).evidence, shuffled(RUN, order).without(*lost).evidence
    assert one == other
    assert len(one.missing) == len(lost)


def test_each_suite_has_its_own_judge() -> None:
    evidence = gather_evidence(RUN.plan, RUN.responses, RUN.verdicts, judges={"kettles": JUDGE})
    assert len(evidence["teapots"].unjudged) == 12


def test_every_way_in_which_an_answer_ends_has_a_name_in_results_and_in_inspects_logs() -> None:
    ways = set(get_args(FinishReason))
    finish = schema("results")["$defs"]["generation"]["properties"]["finish"]
    assert set(finish["propertyNames"]["enum"]) == ways
    assert set(STOP_REASONS) == ways
