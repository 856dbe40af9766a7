"""What a run has to show for its plan: each planned case joined with its response and verdict, and what is missing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_framing.judges.manipulation_check import LABEL as CHECK_JUDGE
from pytest_framing.records import CHECK_MODE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pytest_framing.early_stopping import EarlyStop
    from pytest_framing.plan import Plan, SuitePlan
    from pytest_framing.records import Case, CaseKey, Response, Verdict


@dataclass(frozen=True)
class SuiteEvidence:
    """The evidence of one suite, and every way in which it falls short of the plan.

    ``missing`` cases have no response although they were to run, ``deselected`` ones were left out by the user on
    purpose, ``unjudged`` ones have a response and no verdict, ``duplicated`` ones have more than one of either, and
    ``unplanned`` keys belong to no planned case. ``stopped`` says where and why the suite ended before its last case,
    where a large effect ended it.
    """

    plan: SuitePlan
    responses: Mapping[CaseKey, Response] = field(repr=False)
    verdicts: Mapping[CaseKey, Verdict] = field(repr=False)
    missing: tuple[CaseKey, ...]
    deselected: tuple[CaseKey, ...]
    unjudged: tuple[CaseKey, ...]
    duplicated: tuple[CaseKey, ...]
    unplanned: tuple[CaseKey, ...]
    interrupted: bool = False
    stopped: EarlyStop | None = None

    @property
    def complete(self) -> bool:
        """Whether the run came to its end, and every planned case ran once and has one verdict."""
        short = self.missing or self.deselected or self.unjudged or self.duplicated or self.unplanned
        return not (short or self.interrupted or self.stopped)

    @property
    def narrowed(self) -> bool:
        """Whether all that is missing was left out on purpose."""
        broken = self.missing or self.unjudged or self.duplicated or self.unplanned or self.interrupted or self.stopped
        return bool(self.deselected) and not broken

    def shortfall(self) -> str:
        """Say in words what is missing; empty for complete evidence."""
        planned = len(self.plan.cases)
        kinds = (
            (self.missing, "did not run"),
            (self.deselected, "were deselected"),
            (self.unjudged, "have no verdict"),
            (self.duplicated, "were recorded more than once"),
            (self.unplanned, "were not planned"),
        )
        found = [f"{len(keys)} {what} (first: {keys[0][1]})" for keys, what in kinds if keys]
        if self.stopped:
            found.append("the suite stopped early")
        if self.interrupted:
            found.append("the run was cut short")
        return f"Of {planned} planned cases, {'; '.join(found)}" if found else ""

    def verdict(self, case: Case) -> Verdict | None:
        """Return the verdict of a case, if there is one."""
        return self.verdicts.get(case.key)


def gather_evidence(
    plan: Plan,
    responses: Iterable[Response],
    verdicts: Iterable[Verdict],
    *,
    judges: Mapping[str, str],
    deselected: Collection[CaseKey] = frozenset(),
    interrupted: bool = False,
    stops: Mapping[str, EarlyStop] | None = None,
) -> dict[str, SuiteEvidence]:
    """Join a ledger with its plan.

    Parameters
    ----------
    plan
        What was to run.
    responses, verdicts
        Everything that the ledger holds, duplicates included.
    judges
        Label of the judge whose verdicts on prompts count, by suite; verdicts of others stay in the ledger unused.
    deselected
        Cases that the user left out on purpose.
    interrupted
        Whether the run ended before its last case.
    stops
        Where suites stopped early, by suite.

    Returns
    -------
    dict
        Evidence by suite name.
    """
    names = {suite.suite for suite in plan.suites}
    response_list = list(responses)
    verdict_list = [
        one
        for one in verdicts
        if one.suite not in names or one.judge == (CHECK_JUDGE if one.mode == CHECK_MODE else judges.get(one.suite))
    ]
    answered = Counter(response.key for response in response_list)
    judged = Counter(verdict.key for verdict in verdict_list)
    by_key = {response.key: response for response in response_list}
    verdict_by_key = {verdict.key: verdict for verdict in verdict_list}
    evidence = {}
    for suite in plan.suites:
        keys = [case.key for case in suite.cases]
        planned = frozenset(keys)
        # A record of a suite that was not planned at all belongs to no suite, and so speaks against each.
        own = {key for key in (answered.keys() | judged.keys()) if key[0] == suite.suite or key[0] not in names}
        absent = [key for key in keys if key not in answered]
        evidence[suite.suite] = SuiteEvidence(
            plan=suite,
            responses={key: by_key[key] for key in keys if key in by_key},
            verdicts={key: verdict_by_key[key] for key in keys if key in verdict_by_key},
            missing=tuple(key for key in absent if key not in deselected),
            deselected=tuple(key for key in absent if key in deselected),
            unjudged=tuple(key for key in keys if key in answered and key not in judged),
            duplicated=tuple(key for key in keys if answered[key] > 1 or judged[key] > 1),
            unplanned=tuple(sorted(own - planned)),
            interrupted=interrupted,
            stopped=(stops or {}).get(suite.suite),
        )
    return evidence
