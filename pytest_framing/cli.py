"""``framing``: what a run leaves behind, gated again or kept as a baseline, without pytest and without a GPU."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import pytest_framing
from pytest_framing.errors import FramingError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.results import Conclusion
    from pytest_framing.run_folder import RunRecord

PASS, FAIL, INCONCLUSIVE, BROKEN = 0, 1, 2, 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 pass, 1 fail, 2 inconclusive or not evaluated, 3 broken input."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except FramingError as error:
        sys.stderr.write(f"framing: {error}\n")
        return BROKEN
    return code


class _Parser(argparse.ArgumentParser):
    """Ends with the code for broken input: argparse's own 2 would read as an inconclusive run."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(BROKEN, f"{self.prog}: {message}\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="framing",
        description="Work with the records of gate runs (pytest suites/ --model NAME makes them).",
        epilog="Exit codes: 0 pass, 1 fail, 2 inconclusive or not evaluated, 3 broken input.",
    )
    parser.add_argument("--version", action="version", version=f"pytest-framing {pytest_framing.__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")

    gate = commands.add_parser("gate", help="evaluate the gates of a run again, from its record alone")
    _run_argument(gate)
    gate.add_argument(
        "--baseline",
        metavar="PATH|none",
        help="baseline file or folder, or none (default: the one that the run was compared with, else baselines/)",
    )
    gate.set_defaults(command=_gate)

    baseline = commands.add_parser("baseline", help="keep the decisions of a run as a baseline, or look at baselines")
    actions = baseline.add_subparsers(title="actions", required=True, metavar="ACTION")
    save = actions.add_parser("save", help="save the decisions of a run; ids and digests, no text")
    _run_argument(save)
    save.add_argument("--to", metavar="DIR", type=Path, default=Path("baselines"), help="folder (default: baselines)")
    save.add_argument("--force", action="store_true", help="replace a baseline that exists, or save a run that fails")
    save.set_defaults(command=_save)
    listing = actions.add_parser("list", help="list baselines with their models, prompts and verdicts")
    listing.add_argument("folder", nargs="?", type=Path, default=Path("baselines"), help="folder (default: baselines)")
    listing.set_defaults(command=_list)

    lint = commands.add_parser("lint", help="check suite files, and that framings differ in the framing alone")
    lint.add_argument("suites", nargs="+", type=Path, metavar="SUITE", help="suite.yaml, or a folder of suites")
    lint.set_defaults(command=_lint)
    return parser


def _run_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="run folder, run id below .framing, or latest")


def _gate(options: argparse.Namespace) -> int:
    from pytest_framing.report.terminal import summary_lines
    from pytest_framing.run_folder import find_run

    folder = find_run(options.run, Path.cwd())
    conclusion = _conclude(folder, options.baseline)
    for line in summary_lines(conclusion, folder):
        _say(line.text)
    return {"pass": PASS, "fail": FAIL}.get(conclusion.verdict.value, INCONCLUSIVE)


def _conclude(folder: Path, baseline: str | None) -> Conclusion:
    from pytest_framing.baseline import find_baseline, hold_comparable
    from pytest_framing.gates.evaluation import known_gates
    from pytest_framing.results import conclude
    from pytest_framing.run_folder import read_plan
    from pytest_framing.settings import Settings

    record: RunRecord = read_plan(folder)
    gates = known_gates()
    for suite_name, definition in record.suites.items():
        for gate in definition.gates:
            if gate not in gates:
                raise FramingError(f"suite {suite_name}: the gate {gate!r} comes from a plugin; run it under pytest")
    concluded: dict[str, Any] = _results(folder).get("suites", {})
    baselines = {}
    for suite in record.plan.suites:
        before = concluded.get(suite.suite, {}).get("baseline", {}).get("path") or None
        settings = Settings(model=record.subject.name, root=Path.cwd(), baseline=baseline or before)
        found, note = find_baseline(settings, record.subject.name, suite.suite, suite.prompts.source)
        if found is not None:
            hold_comparable(record.fingerprints[suite.suite], found, frozenset(record.allowed_mismatch))
        baselines[suite.suite] = (found, note)
    # What the session knew and the ledger does not hold: whether cases were left out on purpose, or the run cut short.
    narrowed = any(entry["evidence"]["deselected"] for entry in concluded.values())
    return conclude(
        record,
        folder,
        gates,
        baselines,
        deselected=record.plan.cases.keys() if narrowed else frozenset(),
        interrupted=any(entry["evidence"]["interrupted"] for entry in concluded.values()),
    )


def _results(folder: Path) -> dict[str, Any]:
    """Return ``results.json``; it is empty where the session died before it was written."""
    from pytest_framing.errors import LedgerError
    from pytest_framing.json_documents import read_document
    from pytest_framing.run_folder import RESULTS

    return read_document(folder / RESULTS, LedgerError) if (folder / RESULTS).is_file() else {}


def _save(options: argparse.Namespace) -> int:
    from pytest_framing.baseline import baseline_path, save_baseline
    from pytest_framing.errors import BaselineError
    from pytest_framing.run_folder import find_run

    folder = find_run(options.run, Path.cwd())
    conclusion = _conclude(folder, "none")
    record = conclusion.record
    # The verdict of the session itself, which had the baseline at hand.
    verdict = _results(folder).get("verdict", "not_evaluated")
    if verdict != "pass" and not options.force:
        raise BaselineError(
            f"{folder}: the verdict of the run is {verdict}; --force saves it as a baseline all the same"
        )
    targets = {
        name: baseline_path(options.to, record.subject.name, name, suite.evidence.plan.prompts.source)
        for name, suite in conclusion.suites.items()
    }
    for path in targets.values():
        if path.exists() and not options.force:
            raise BaselineError(f"{path}: there is a baseline already; --force replaces it")
    for name, suite in conclusion.suites.items():
        save_baseline(
            targets[name],
            model=record.subject.name,
            run_id=record.run_id,
            verdict=str(verdict),
            fingerprint=record.fingerprints[name],
            study=suite.study,
            evidence=suite.evidence,
        )
        _say(f"saved {targets[name]}")
    return PASS


def _list(options: argparse.Namespace) -> int:
    from pytest_framing.baseline import load_baseline
    from pytest_framing.errors import BaselineError

    if not options.folder.is_dir():
        raise BaselineError(f"{options.folder}: no such folder")
    paths = sorted(path for path in options.folder.glob("*/*.json") if path.parent.name != "published")
    for path in paths:
        baseline = load_baseline(path)
        _say(
            f"{path}: model {baseline.model}, suite {baseline.suite}, prompts {baseline.prompt_source}, "
            f"{len(baseline.decisions)} decisions, run {baseline.run_id}"
        )
    if not paths:
        _say(f"no baselines in {options.folder}; save one with: framing baseline save RUN")
    return PASS


def _lint(options: argparse.Namespace) -> int:
    from pytest_framing.discovery import find_suites
    from pytest_framing.framings import builtin_catalogue, lint_framings
    from pytest_framing.gates.evaluation import known_gates, parameter_models
    from pytest_framing.suite import load_suite

    paths = find_suites([str(path) for path in options.suites], Path.cwd())
    if not paths:
        raise FramingError(f"no suite.yaml in {', '.join(map(str, options.suites))}")
    found = False
    for path in paths:
        suite = load_suite(path, parameter_models(known_gates()))
        catalogue = builtin_catalogue().with_texts(suite.framing_texts)
        names = (suite.framings.reference, suite.framings.treatment, suite.framings.placebo)
        findings = lint_framings([catalogue.framing(name) for name in names])
        found = found or bool(findings)
        for finding in findings:
            _say(f"{path}: {finding}")
        if not findings:
            _say(f"{path}: framings are matched")
    return FAIL if found else PASS


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main())
