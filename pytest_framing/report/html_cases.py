"""The rows of the report's table of cases, and which of them a page has room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_framing.records import Role, VerdictLabel
from pytest_framing.report.html_pairs import category_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import CaseKey
    from pytest_framing.report.html_pairs import JudgedPair

MOST_CASES = 5_000
"""Cases of a session that are all shown; a page with more of them is slow to open and no use to a reader."""
LONGEST_ANSWER = 4_000
"""Characters of an answer that are shown."""


@dataclass(frozen=True)
class CaseRow:
    """One case with what became of it; ``answer`` is ``None`` where texts are not shown. ``0`` tokens are unknown."""

    suite: str
    id: str
    prompt_id: str
    category: str
    framing: str
    mode: str
    replicate: int
    role: Role
    verdict: str
    rule: str
    finish: str
    tokens: int | None
    margin: float | None
    batch: str
    slot: int
    sequence: int | None
    flipped: bool
    answer: str | None = None
    cut: int = 0


@dataclass(frozen=True)
class CaseTable:
    """The rows shown, out of ``total`` cases; ``selected`` says that only those that decide something are shown."""

    rows: tuple[CaseRow, ...]
    total: int
    selected: bool

    @property
    def left_out(self) -> int:
        """Number of cases that are not shown."""
        return self.total - len(self.rows)


def case_table(
    suites: Sequence[tuple[SuiteEvidence, Sequence[JudgedPair], Collection[CaseKey]]],
    *,
    show_text: bool,
    most: int = MOST_CASES,
) -> CaseTable:
    """Collect the rows of all suites.

    Parameters
    ----------
    suites
        Evidence of each suite, its judged pairs, and the cases that are decided otherwise than in its baseline.
    show_text
        Whether answers are shown.
    most
        Largest number of rows. With more cases than that, only flipped, invalid, missing, cut and changed ones are.
    """
    total = sum(len(evidence.plan.cases) for evidence, _, _ in suites)
    rows: list[CaseRow] = []
    for evidence, pairs, changed in suites:
        flipped = {verdict.key for pair in pairs if pair.flipped for verdict in (pair.reference, pair.treatment)}
        rows.extend(_rows(evidence, flipped, changed, whole=total <= most, show_text=show_text))
    return CaseTable(tuple(rows[:most]), total, total > most)


def _rows(
    evidence: SuiteEvidence, flipped: set[CaseKey], changed: Collection[CaseKey], *, whole: bool, show_text: bool
) -> list[CaseRow]:
    rows = []
    for case in evidence.plan.cases:
        response, verdict = evidence.responses.get(case.key), evidence.verdict(case)
        decides = (
            case.key in flipped
            or case.key in changed
            or response is None
            or verdict is None
            or verdict.verdict in (VerdictLabel.INVALID, VerdictLabel.INCORRECT)
            or response.finish_reason != "stop"
        )
        if not (whole or decides):
            continue
        answer = response.answer if response and show_text else None
        rows.append(
            CaseRow(
                suite=case.suite,
                id=case.id,
                prompt_id=case.prompt_id,
                category=category_of(evidence, case.prompt_id),
                framing=case.framing,
                mode=case.mode,
                replicate=case.replicate,
                role=case.role,
                verdict=_verdict(response is not None, verdict.verdict if verdict else None),
                rule=verdict.rule if verdict else "",
                finish=response.finish_reason if response else "",
                tokens=response.new_tokens if response else None,
                margin=response.margin if response else None,
                batch=response.batch if response else case.batch,
                slot=response.slot if response else case.slot,
                sequence=response.sequence if response else None,
                flipped=case.key in flipped,
                answer=answer[:LONGEST_ANSWER] if answer is not None else None,
                cut=max(0, len(answer) - LONGEST_ANSWER) if answer is not None else 0,
            )
        )
    return rows


def _verdict(ran: bool, label: VerdictLabel | None) -> str:
    if label is None:
        return "no verdict" if ran else "did not run"
    return label.value.replace("_", " ")
