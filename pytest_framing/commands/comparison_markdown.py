"""Comparisons as a comment on a pull request; every text that is not ours is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_framing.commands.comparison_text import (
    STAGES,
    TRAJECTORY,
    gap_text,
    level_text,
    shortened,
    side_text,
    stage_rows,
    trajectory_rows,
    value_text,
)
from pytest_framing.gates.gate import interval_text, percent
from pytest_framing.report.markdown import escape_markdown as md
from pytest_framing.report.words import STATUS_WORDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pytest_framing.comparison.comparison import Comparison, SuiteComparison
    from pytest_framing.comparison.stages import Stage


def comparison_markdown(comparisons: Sequence[Comparison], stages: Mapping[str, Sequence[Stage]] | None = None) -> str:
    """Render comparisons, and the tables of a trajectory and of stages, as GitHub's Markdown."""
    lines = [line for one in comparisons for line in _comparison(one)]
    if len(comparisons) > 1:
        rows = [row for row, _ in trajectory_rows(comparisons)]
        lines += ["### Trajectory", "", *_table(TRAJECTORY, rows), ""]
    for name, found in (stages or {}).items():
        lines += [f"### Demonstrations in {md(name)}, p after Holm", "", *_table(STAGES, stage_rows(found)), ""]
    return "\n".join(lines).rstrip() + "\n"


def _comparison(comparison: Comparison) -> Iterator[str]:
    base, candidate = comparison.base, comparison.candidate
    # Beside the verdict of the gates a bare PASS would be taken for it.
    yield f"## Comparison: {STATUS_WORDS[comparison.status.value]}, {md(candidate.name)} against {md(base.name)}"
    yield ""
    yield md(comparison.conclusion)
    yield ""
    yield f"Candidate: {md(side_text(candidate))}. Base: {md(side_text(base))}."
    yield ""
    for name, suite in comparison.suites.items():
        yield from _suite(name, suite)
    for names, which in ((comparison.only_base, "base"), (comparison.only_candidate, "candidate")):
        if names and not comparison.not_judged:
            yield f"Not compared, because the {which} alone has it: {md(', '.join(names))}."
            yield ""


def _suite(name: str, suite: SuiteComparison) -> Iterator[str]:
    yield f"### {md(name)}: {f'{suite.shared} shared prompts' if suite.paired else 'totals, unpaired'}"
    yield ""
    level = level_text(suite.arms[0].confidence) if suite.arms else ""
    if suite.gaps:
        level += f"; gap: {level_text(suite.gaps[0].joint_confidence)} together"
    arms = [
        (
            arm.scope,
            percent(arm.base.rate),
            percent(arm.candidate.rate),
            f"{100 * arm.difference:+.1f} [{interval_text(*arm.interval)}]",
            STATUS_WORDS[arm.status.value],
        )
        for arm in suite.arms
    ]
    gaps = [
        (
            f"{gap.mode} gap",
            gap_text(gap.base),
            gap_text(gap.candidate),
            f"{100 * gap.drift:+.1f} [{interval_text(*gap.simultaneous)}]",
            STATUS_WORDS[gap.status.value],
        )
        for gap in suite.gaps
    ]
    head = ("scope", "base", "candidate", f"difference, points [{level}]", "status")
    yield from _table(head, [*arms, *gaps])
    yield ""
    for arm in suite.arms:
        if arm.regressed:
            ids = [
                f"{prompt} ({arm.categories[prompt]})" if arm.categories.get(prompt) else prompt
                for prompt in arm.regressed
            ]
            yield f"Regressed, {md(arm.scope)}, {len(ids)}: {md(shortened(ids))}"
            yield ""
    if suite.contradiction:
        yield f"{md(suite.contradiction.reason)}"
        yield ""
    notes = [
        *(f"at least {least} decisions of {arm} are others, by the totals alone" for arm, least in _fewest(suite)),
        *suite.caveats,
        *suite.flags,
    ]
    yield from (f"- {md(note)}" for note in notes)
    if notes:
        yield ""
    if suite.protocol:
        rows = [(one.kind, one.place, value_text(one.base), value_text(one.candidate)) for one in suite.protocol]
        yield f"<details><summary>{len(rows)} places in which the protocols differ</summary>"
        yield ""
        yield from _table(("kind", "place", "base", "candidate"), rows)
        yield ""
        yield "</details>"
        yield ""


def _fewest(suite: SuiteComparison) -> list[tuple[str, int]]:
    return list((suite.fewest or {}).items())


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(md(cell) for cell in head)} |"
    yield f"|{'---|' * len(head)}"
    yield from (f"| {' | '.join(md(cell) for cell in row)} |" for row in rows)
