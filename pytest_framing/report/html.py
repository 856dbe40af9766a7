"""``report.html``: one page for people, which loads nothing, and holds no answer unless it is asked for."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.gates.gate import GateStatus, percent, points
from pytest_framing.paired_table import Rate
from pytest_framing.report.html_answers import ArmAnswers, answers_by_arm
from pytest_framing.report.html_baseline import Comparison, compare_with_baseline, flat
from pytest_framing.report.html_cases import CaseTable, case_table
from pytest_framing.report.html_composition import ReportedComposition, report_composition
from pytest_framing.report.html_findings import Sensitivity, findings, sensitivity
from pytest_framing.report.html_order import Drift, drift
from pytest_framing.report.html_pairs import (
    MOST_FLIPS,
    CategoryFlips,
    FlippedPrompt,
    flipped_prompts,
    flips_by_category,
    judged_pairs,
    placebo_verdicts,
)
from pytest_framing.report.html_plots import flip_plot, gap_plot
from pytest_framing.report.words import STATUS_WORDS, conclusion_sentence, printable
from pytest_framing.run_folder import REPORT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jinja2 import Environment

    from pytest_framing.gates.gate import GateResult
    from pytest_framing.report.html_pairs import JudgedPair
    from pytest_framing.report.plots import Plot
    from pytest_framing.results import Conclusion, SuiteConclusion
    from pytest_framing.study import ModeStudy
    from pytest_framing.suite import Suite

TEMPLATES = Path(__file__).parent
SIGNS = {"pass": "✓", "fail": "✗", "inconclusive": "?", "not_evaluated": "–"}
"""Beside the word and the colour of a status, for those who tell colours badly and for print."""
# What objects comes first: that is what a reader is looking for.
_NUMBER_WITH_UNIT = re.compile(r"(\d) %")
URGENCY = (GateStatus.FAIL, GateStatus.INCONCLUSIVE, GateStatus.NOT_EVALUATED, GateStatus.PASS)


@dataclass(frozen=True)
class ReportedMode:
    """One mode with what it could have seen."""

    study: ModeStudy
    sensitivity: Sensitivity
    interval: tuple[float, float]


@dataclass(frozen=True)
class ReportedSuite:
    """Everything that the page says of one suite."""

    name: str
    suite: Suite
    one: SuiteConclusion
    findings: list[str]
    objecting: list[GateResult]
    passing: list[GateResult]
    modes: list[ReportedMode]
    categories: list[CategoryFlips]
    flips: list[FlippedPrompt]
    flip_plot: Plot | None
    drift: Drift
    answers: list[ArmAnswers]
    comparison: Comparison
    protocol: list[tuple[str, list[tuple[str, str]]]]
    pairs: Sequence[JudgedPair]
    composition: ReportedComposition | None


def html_report(conclusion: Conclusion, folder: Path, *, show_text: bool = False) -> str:
    """Render the report of a run.

    Parameters
    ----------
    conclusion
        What the run says, with its evidence.
    folder
        Where its record lies; named on the page.
    show_text
        Whether answers are shown, folded away; only where the user of the run asked for texts.
    """
    suites = [
        _reported_suite(conclusion, name, one, number) for number, (name, one) in enumerate(conclusion.suites.items())
    ]
    cases: CaseTable = case_table(
        [(one.one.evidence, one.pairs, one.comparison.changed_keys) for one in suites], show_text=show_text
    )
    verdict = conclusion.verdict.value
    style, script = (TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in ("report.css", "report.js"))
    return (
        environment()
        .get_template("report.html.jinja")
        .render(
            verdict=verdict,
            sentence=conclusion_sentence(conclusion),
            document=conclusion.document(),
            folder=folder.name,
            suites=suites,
            gap_plot=gap_plot([(one.name, mode.study, mode.sensitivity) for one in suites for mode in one.modes]),
            cases=cases,
            show_text=show_text,
            most_flips=MOST_FLIPS,
            style=_markup(style),
            script=_markup(script),
            policy=content_policy(style, script),
        )
    )


def write_report(conclusion: Conclusion, folder: Path, show_text: bool = False) -> Path:
    """Write ``report.html`` into a run folder and return its path.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    from pytest_framing.json_documents import write_text

    write_text(folder / REPORT, html_report(conclusion, folder, show_text=show_text))
    return folder / REPORT


def content_policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy under which nothing but this very style and script counts."""
    return (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"


def _reported_suite(conclusion: Conclusion, name: str, one: SuiteConclusion, number: int) -> ReportedSuite:
    suite, evidence = conclusion.record.suites[name], one.evidence
    fingerprint = conclusion.record.fingerprints[name]
    pairs = judged_pairs(suite, evidence)
    gates = sorted(one.gates, key=lambda gate: URGENCY.index(gate.status))
    return ReportedSuite(
        name=name,
        suite=suite,
        one=one,
        findings=findings(suite, one),
        objecting=[gate for gate in gates if gate.status is not GateStatus.PASS],
        passing=[gate for gate in gates if gate.status is GateStatus.PASS],
        modes=[
            ReportedMode(study, sensitivity(suite, study), study.table.interval()) for study in one.study.modes.values()
        ],
        categories=flips_by_category(pairs),
        flips=flipped_prompts(pairs, placebo_verdicts(evidence)),
        flip_plot=flip_plot(name, list(one.study.modes.values()), number),
        drift=drift(suite, evidence, one.study, name=f"drift-{number}"),
        answers=answers_by_arm(suite, evidence),
        comparison=compare_with_baseline(one, fingerprint),
        protocol=[(kind, list(flat("", fields))) for kind, fields in fingerprint.document().items()],
        pairs=pairs,
        composition=report_composition(one.study.composition, number),
    )


@cache
def environment() -> Environment:
    """Return the environment of the pages: everything is escaped, and nothing undefined is passed over."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    made = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        autoescape=select_autoescape(enabled_extensions=("jinja",), default=True),
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    made.filters.update(percent=percent, points=_points, answer=_answer, markup=_markup)
    made.globals.update(signs=SIGNS, words=STATUS_WORDS, rate=Rate)
    return made


def _points(value: float) -> str:
    return "–" if math.isnan(value) else points(value)


def _harmless(value: Any) -> Any:
    """Keep characters that steer a reader's eye (control, bidirectional) out of everything that is written."""
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return _NUMBER_WITH_UNIT.sub("\\1\u00a0%", printable(re.sub(r"\s+", " ", value)))
    return value


def _answer(text: str) -> Any:
    """Keep the lines of an answer, and nothing else that it could do."""
    from markupsafe import Markup, escape

    return Markup("\n").join(escape(printable(line)) for line in text.splitlines())


def _markup(text: str) -> Any:
    """Take a text of our own (style, script, plot) as markup."""
    from markupsafe import Markup

    return Markup(text)
