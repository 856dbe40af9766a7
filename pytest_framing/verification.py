"""Holding a receipt against its run folder: it is a function of the folder, and computed again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest_framing
from pytest_framing.circumstances import FILE as CIRCUMSTANCES
from pytest_framing.errors import ReceiptError
from pytest_framing.framings import suite_catalogue
from pytest_framing.json_documents import ABSENT, differences, file_digest, read_document
from pytest_framing.judges.accuracy import measured_accuracy
from pytest_framing.judges.calibration import FILES as CALIBRATIONS
from pytest_framing.judges.calibration import read_calibrations
from pytest_framing.judges.judge import RuleJudge
from pytest_framing.judges.manipulation_check import LABEL as CHECK_JUDGE
from pytest_framing.judges.manipulation_check import ManipulationCheckJudge
from pytest_framing.judges.noise import judged_again
from pytest_framing.ledger import read_verdict_file
from pytest_framing.receipt.statement import BOUND, receipt_document
from pytest_framing.report.markdown import markdown_summary
from pytest_framing.report.receipt_page import receipt_page
from pytest_framing.run_folder import PLAN, RECEIPT, RECEIPT_PAGE, REPORT, RESULTS, SUMMARY
from pytest_framing.suite import RELEASE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pytest_framing.judges.judge import Judge
    from pytest_framing.results import Conclusion

LONGEST_SHOWN = 60


@dataclass(frozen=True)
class Verification:
    """What was found: ``problems`` that speak against the receipt, ``notes`` that do not, and its verdict."""

    run_id: str
    verdict: str
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def verify(
    receipt: Mapping[str, Any], folder: Path, conclusion: Conclusion, *, beside: Path | None = None
) -> Verification:
    """Compare a receipt with its run folder.

    Parameters
    ----------
    receipt
        As :func:`pytest_framing.receipt.statement.read_receipt` returns it.
    folder
        The run folder.
    conclusion
        What its ledger says, concluded again under the circumstances in the folder.
    beside
        Folder in which the receipt lies, where that is another one: its page may lie there too.
    """
    framing = receipt["predicate"]["framing"]
    results = conclusion.document()
    problems = [*_files(framing["files"], folder)]
    named = {one["name"] for one in framing["files"]}
    unbound = {path.name: path for pattern in BOUND for path in folder.glob(pattern) if path.name not in named}
    counting = {name for name, path in unbound.items() if _counts(path, conclusion)}
    problems += [f"{name}: not bound by the receipt, though the run rests on it" for name in sorted(counting)]
    problems += _judges(framing, conclusion, read_calibrations(folder, named))
    problems += _judged_again(conclusion)
    stored = read_document(folder / RESULTS, ReceiptError) if (folder / RESULTS).is_file() else {}
    problems += [f"{RESULTS}: {line}" for line in _differences(stored, results)]
    if (folder / SUMMARY).is_file() and (folder / SUMMARY).read_bytes() != markdown_summary(results).encode("utf-8"):
        problems.append(f"{SUMMARY}: not the summary of these results")
    again = receipt_document(conclusion, folder)
    version, ours = framing["version"], again["predicate"]["framing"]["version"]
    notes = []
    if version != ours:
        notes.append(f"made by version {version}, verified by {ours}: what only one of them knows does not agree")
        again["predicate"]["framing"]["version"] = version
    # What is bound was looked at file by file; verdicts of judges that came later are no part of it.
    again["predicate"]["framing"]["files"] = framing["files"]
    problems += [f"{RECEIPT}: {line}" for line in _differences(dict(receipt), again)]
    problems += _pages(receipt, folder, beside or folder)
    if others := sorted(unbound.keys() - counting):
        notes.append(f"not bound by the receipt: {', '.join(others)}")
    if (folder / REPORT).is_file():
        notes.append(f"{REPORT} was not looked at: the receipt does not cover it, and `framing report` makes it again")
    notes += _rests_on(again)
    return Verification(framing["run_id"], framing["verdict"], tuple(dict.fromkeys(problems)), tuple(notes))


def _pages(receipt: Mapping[str, Any], *folders: Path) -> Iterator[str]:
    """Hold each page that is there against the receipt that it should show; without one nothing is missing."""
    try:
        shown = receipt_page(receipt).encode("utf-8", "backslashreplace")
    except ReceiptError as error:
        yield f"{RECEIPT}: {error}"
        return
    for folder in dict.fromkeys(folders):
        if (folder / RECEIPT_PAGE).is_file() and (folder / RECEIPT_PAGE).read_bytes() != shown:
            yield f"{RECEIPT_PAGE}: not the page of this receipt; `framing receipt page` makes it again"


def _judges(
    framing: Mapping[str, Any], conclusion: Conclusion, calibrations: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    """Hold what the circumstances say of each judge against the bound labels, and against what was measured of it."""
    same = framing["version"] == pytest_framing.__version__
    for label in sorted(set(conclusion.record.judges.values())):
        if conclusion.calibrations.get(label) != calibrations.get(label):
            yield f"{CIRCUMSTANCES}: what labels say of the judge {label} is not what the bound calibrations say"
        if same and conclusion.accuracy.get(label) != measured_accuracy(label):
            yield f"{CIRCUMSTANCES}: the accuracy of {label} is not the one that this version ships"


def _judged_again(conclusion: Conclusion) -> Iterator[str]:
    """Judge every answer again by the rules that decided it, where these are the rules of this version.

    Their verdict depends on the answer alone, so that one that the answer does not give was changed afterwards.
    """
    for name, one in conclusion.suites.items():
        evidence, suite = one.evidence, conclusion.record.suites[name]
        framings = (suite.framings.reference, suite.framings.treatment)
        questions = {asked.prompt().id: asked for asked in suite_catalogue(suite).questions_about(*framings)}
        ours: dict[str, Judge] = {CHECK_JUDGE: ManipulationCheckJudge(questions), RuleJudge.label: RuleJudge()}
        turned = [
            case.id
            for case in evidence.plan.cases
            if (verdict := evidence.verdicts.get(case.key)) is not None
            and (response := evidence.responses.get(case.key)) is not None
            and (judge := ours.get(verdict.judge)) is not None
            and (case.role != "check" or case.prompt_id in questions)
            and judge.judge(case, response).verdict is not verdict.verdict
        ]
        if turned:
            yield (
                f"suite {name}: {len(turned)} verdicts are not those that the answers on record give (first: "
                f"{turned[0]}): they were changed after judging"
            )


def _counts(path: Path, conclusion: Conclusion) -> bool:
    """Whether a conclusion rests on a file: all but verdicts of other judges, and labels, which may come later."""
    if path.match("verdicts*.jsonl"):
        judges = {*conclusion.record.judges.values(), CHECK_JUDGE}
        judges |= {judged_again(judge) for judge in judges}
        return any(verdict.judge in judges for verdict in read_verdict_file(path).records)
    return not path.match(CALIBRATIONS)


def _rests_on(receipt: Mapping[str, Any]) -> Iterator[str]:
    """Say what a verdict does not rest on, so that nobody takes it for more."""
    framing = receipt["predicate"]["framing"]
    if receipt["subject"][0]["name"] == PLAN:
        yield "the subject is the plan: the record does not tell which weights were run"
    if not framing["release"]:
        yield "not a release run: missing baselines and deselected cases are excused in it"
    for name, what in (("waived", "waived gates"), ("allowed_mismatch", "allowed mismatches of protocol")):
        if framing[name]:
            yield f"{what}: {', '.join(framing[name])}"
    for suite, reason in framing["skipped_suites"].items():
        yield f"suite {suite} was skipped: {reason}"
    for suite, account in framing["suites"].items():
        if account["profile"] != RELEASE:
            yield f"suite {suite} ran under the profile {account['profile']}, which decides nothing about a checkpoint"
        if account["baseline"]["began_with"] != account["baseline"]["digest"]:
            yield f"suite {suite} was concluded with another baseline than it began with"
        if account["baseline"]["note"]:
            yield f"suite {suite}: baseline: {account['baseline']['note']}"
        judge = account["judge"]
        if judge["accuracy"] is None and judge["calibration"] is None:
            yield f"suite {suite}: nobody measured how well the judge {judge['label']} agrees with people"
        elif judge["accuracy"] not in (None, measured_accuracy(judge["label"])):
            yield f"suite {suite}: the accuracy of {judge['label']} is not the one that this version ships"


def _files(files: list[dict[str, Any]], folder: Path) -> Iterator[str]:
    seen: set[str] = set()
    for one in files:
        name: str = one["name"]
        if not any(fnmatchcase(name, pattern) for pattern in BOUND):
            yield f"{name}: bound by the receipt, though no run has such a file"
        if name in seen:
            yield f"{name}: bound twice"
        elif not (folder / name).is_file():
            yield f"{name}: bound by the receipt and missing"
        elif file_digest(folder / name) != one["digest"]["sha256"]:
            yield f"{name}: its digest is not the one in the receipt: it was changed afterwards"
        seen.add(name)
    for name in (PLAN, RESULTS):
        if name not in seen and not (folder / name).is_file():
            yield f"{name}: not bound by the receipt"


def _differences(stored: Any, computed: Any) -> Iterator[str]:
    """Name the places where two documents differ, with both values, shortened."""
    for place, said, gives in differences(stored, computed):
        yield f"{place} says {_short(said)}, the record gives {_short(gives)}"


def _short(value: Any) -> str:
    text = "nothing" if value is ABSENT else json.dumps(value, ensure_ascii=True)
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"
