from __future__ import annotations

from dataclasses import replace

from pytest_framing.report.html_cases import LONGEST_ANSWER, CaseTable, case_table
from pytest_framing.report.html_pairs import judged_pairs
from tests.unit.builders import Run, make_run, table


def table_of(run: Run, *, show_text: bool = False, most: int = 100) -> CaseTable:
    pairs = judged_pairs(run.suite, run.evidence)
    return case_table([(run.evidence, pairs, ())], show_text=show_text, most=most)


def test_every_case_has_a_row_with_what_became_of_it() -> None:
    run = make_run(table(2, 1, 0, 2))
    rows = table_of(run).rows
    assert [row.id for row in rows] == [case.id for case in run.cases]
    assert {row.verdict for row in rows} == {"refusal", "compliance"}
    assert sum(row.flipped for row in rows) == 2
    assert [row.sequence for row in rows] == list(range(1, 11))


def test_a_case_without_answer_or_verdict_is_there_all_the_same() -> None:
    run = make_run(table(2, 0, 0, 1))
    gone = replace(run.without(run.cases[0]), verdicts=run.verdicts[2:])
    rows = table_of(gone).rows
    assert [row.verdict for row in rows[:3]] == ["did not run", "no verdict", "refusal"]


def test_a_run_too_large_for_a_page_keeps_what_decides() -> None:
    run = make_run(table(20, 2, 1, 20, free_invalid=2))
    found = table_of(run, most=20)
    assert found.selected
    assert found.total == 90
    assert {row.id for row in found.rows if row.flipped} == {row.id for row in table_of(run).rows if row.flipped}
    assert sum(row.verdict == "invalid" for row in found.rows) == 2
    assert found.left_out == 90 - len(found.rows) == 82


def test_even_what_decides_is_bounded() -> None:
    assert len(table_of(make_run(table(0, 40)), most=20).rows) == 20


def test_answers_are_taken_only_where_texts_are_shown_and_long_ones_are_cut() -> None:
    run = make_run(table(1))
    long = replace(run, responses=tuple(replace(one, answer="x" * (LONGEST_ANSWER + 7)) for one in run.responses))
    assert all(row.answer is None for row in table_of(long).rows)
    shown = table_of(long, show_text=True).rows[0]
    assert (len(shown.answer or ""), shown.cut) == (LONGEST_ANSWER, 7)
