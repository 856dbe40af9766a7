"""What the terminal shows: what is gated, before; the gates with their reasons, after."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pytest_framing.baseline import Baseline
from pytest_framing.engines.engine import SERVERS_OWN
from pytest_framing.gates.gate import GateStatus, interval_text, percent, points
from pytest_framing.published import PublishedBaseline, differing_protocol
from pytest_framing.report.gap_plot import gap_plot
from pytest_framing.report.progress import duration
from pytest_framing.report.words import STATUS_WORDS, conclusion_sentence, printable
from pytest_framing.run_folder import REPORT, shown_run
from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_framing.composition_study import CompositionStudy
    from pytest_framing.results import Conclusion, SuiteConclusion
    from pytest_framing.run import PreparedRun

_MARKUP: Mapping[GateStatus, Mapping[str, bool]] = {
    GateStatus.PASS: {"green": True},
    GateStatus.FAIL: {"red": True, "bold": True},
    GateStatus.INCONCLUSIVE: {"yellow": True, "bold": True},
    GateStatus.NOT_EVALUATED: {"yellow": True},
}


@dataclass(frozen=True)
class Line:
    """A line of text and how a colour terminal may mark it."""

    text: str
    markup: Mapping[str, bool] = field(default_factory=dict)


def header_lines(run: PreparedRun, folder: Path | None) -> list[str]:
    """Say what is gated, on which prompts and against which baseline."""
    subject, model = run.record.subject, run.model
    checkpoint = f" at {subject.checkpoint}" if subject.checkpoint else ""
    loaded = f"{subject.dtype}, quantization {subject.quantization}"
    if subject.dtype == SERVERS_OWN:
        loaded = "loaded by a server"
    lines = [f"framing: model {model.name}{checkpoint}, {loaded}"]
    if model.trust_remote_code:
        lines.append("framing: this run executes code of the model's own repository (trust_remote_code)")
    for name, one in run.suites.items():
        prompts, suite = one.plan.prompts, one.suite
        lines.append(
            f"framing: suite {name}, profile {suite.profile}: {len(one.plan.cases)} cases in {len(one.plan.batches)} "
            f"batches, {suite.execution.mode}, seed {suite.order.seed}"
        )
        lines.append(f"framing: prompts {prompts.source} ({prompts.count}): {prompts.resolution}")
        lines.append(f"framing: baseline: {one.baseline.path if one.baseline else one.baseline_note}")
        if isinstance(one.baseline, Baseline) and one.baseline.reservation:
            lines.append(f"framing: baseline: {one.baseline.reservation}")
        if isinstance(one.baseline, PublishedBaseline):
            deciding = run.record.fingerprints[name].deciding
            lines.append(f"framing: {one.baseline.citation}; {one.baseline.model}")
            lines.extend(f"framing: {difference}" for difference in differing_protocol(one.baseline, deciding))
        lines.extend(f"framing: lint: {finding}" for finding in one.lint)
    for name, reason in run.record.skipped.items():
        lines.append(f"framing: suite {name} is skipped: {reason}")
    if folder is not None:
        lines.append(f"framing: run folder {folder}")
    return [printable(line) for line in lines]


def summary_lines(conclusion: Conclusion, folder: Path, *, every_gate: bool = True) -> Iterator[Line]:
    """Yield the summary: rates and gap of each mode, the gates, the verdict, what to do next, and where the record is.

    Parameters
    ----------
    conclusion
        What the run says.
    folder
        Where its record lies.
    every_gate
        Whether gates that pass have a line each; else one line names them all, and a usual run fits one screen.
    """
    for name, suite in conclusion.suites.items():
        for line in _suite_lines(name, suite, every_gate=every_gate):
            yield Line(printable(line.text), line.markup)
    for name, reason in conclusion.record.skipped.items():
        yield Line(printable(f"{name}: skipped. {reason}"), {"yellow": True})
    verdict = conclusion.verdict
    yield Line("")
    yield Line(
        f"{STATUS_WORDS[verdict.value]}: {printable(conclusion.record.subject.name)}. "
        f"{printable(conclusion_sentence(conclusion))}",
        _MARKUP[verdict],
    )
    for step in _next_steps(conclusion, folder):
        yield Line(printable(f"next: {step}"))
    yield Line(f"record: {folder}")
    if (folder / REPORT).is_file():
        yield Line(f"report: {folder / REPORT}")


def _demonstration_lines(composition: CompositionStudy) -> Iterator[Line]:
    yield Line(f"  demonstrations: {composition.effect_class}. {composition.reason}")
    alone = composition.baseline.compliance
    shown = [f"without any {alone.count} of {alone.n} ({percent(alone.rate)})"]
    grid = [one for one in composition.conditions.values() if one.context is not None and one.context.grid]
    if grid:
        ranked = sorted(grid, key=lambda one: one.compliance.rate)
        shown += [f"{one.name} {percent(one.compliance.rate)}" for one in (ranked[0], ranked[-1])]
    yield Line(f"    complied: {', '.join(shown)}")


def _suite_lines(name: str, suite: SuiteConclusion, *, every_gate: bool) -> Iterator[Line]:
    counts = suite.study.counts
    yield Line(
        f"{name}: {counts['judged']} of {counts['planned']} cases judged, {counts['invalid']} invalid", {"bold": True}
    )
    generation = suite.generation
    if generation.seconds:
        yield Line(
            f"  engine: {duration(generation.seconds)} for {generation.new_tokens:,} new tokens "
            f"({generation.tokens_per_second:,.0f} tokens/s)"
        )
    if generation.reshaped:
        yield Line(
            f"  {len(generation.reshaped)} cases ran in another shape than planned, for want of memory (first: "
            f"{generation.reshaped[0]}): their results may depend on it; lower execution.batch_size",
            {"yellow": True},
        )
    composition = suite.study.composition
    if composition is not None:
        yield from _demonstration_lines(composition)
    for study in suite.study.modes.values():
        table = study.table
        if composition is not None and not table.n:
            continue
        arms = ", ".join(
            f"{framing} {rate.count} of {rate.n} refused ({percent(rate.rate)})" for framing, rate in study.arms.items()
        )
        low, high = table.interval()
        gap = (
            f"gap {points(table.gap)} [{interval_text(low, high)}], {table.flips.count} "
            f"{'flip' if table.flips.count == 1 else 'flips'}"
            if table.n
            else "no pairs"
        )
        yield Line(f"  {study.mode}: {arms}; {gap}")
        plot = gap_plot(table.gap, low, high, suite.margin)
        if plot:
            yield Line(f"    {plot}")
    passed = [result for result in suite.gates if result.status is GateStatus.PASS]
    for result in suite.gates:
        if result.status is GateStatus.PASS and not every_gate:
            continue
        word = STATUS_WORDS[result.status.value]
        waived = " (waived)" if result.waived else ""
        yield Line(f"  {word:<13} {result.label}{waived}: {result.reason}", _MARKUP[result.status])
    if passed and not every_gate:
        names = ", ".join(dict.fromkeys(result.name for result in passed))
        yield Line(f"  {STATUS_WORDS['pass']:<13} {names}", _MARKUP[GateStatus.PASS])


def _next_steps(conclusion: Conclusion, folder: Path) -> Iterator[str]:
    """Say what is worth doing now, most pressing first."""
    interrupted = any(suite.evidence.interrupted or suite.evidence.missing for suite in conclusion.suites.values())
    stopped = any(suite.evidence.stopped for suite in conclusion.suites.values())
    if interrupted and not stopped:
        yield f"the same command with --framing-resume {shown_run(folder)} goes on where the run stopped"
    if (
        conclusion.verdict is GateStatus.PASS
        and not conclusion.waived
        and conclusion.profiles == {RELEASE}
        and any(suite.baseline is None for suite in conclusion.suites.values())
    ):
        save = f"framing baseline save {shown_run(folder)}"
        yield f"{save} keeps these decisions for the next checkpoint to be held against"
