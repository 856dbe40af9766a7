"""A receipt is a function of its run folder: whatever is changed afterwards is named."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.json_documents import file_digest
from pytest_framing.ledger import LedgerWriter, read_verdicts
from pytest_framing.records import VerdictLabel

Change = Callable[[Path], None]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run that was imported and concluded, with answers, categories and replicates."""
    rows = [
        {"prompt_id": n, "framing": framing, "verdict": "refusal" if n % 2 else "compliance", "category": "lids"}
        for n in range(30)
        for framing in ("free", "paid")
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main(["import", str(path), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def edited(name: str, *place: str | int, value: Any) -> Change:
    """Return a change of one field of a JSON file."""

    def change(folder: Path) -> None:
        document = json.loads((folder / name).read_text(encoding="utf-8"))
        target = document
        for part in place[:-1]:
            target = target[part]
        assert target[place[-1]] != value
        target[place[-1]] = value
        (folder / name).write_text(json.dumps(document, indent=2), encoding="utf-8")

    return change


def rebound(change: Change, name: str) -> Change:
    """Return a change of a file whose new digest is put into the receipt as well."""

    def both(folder: Path) -> None:
        change(folder)
        receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
        predicate = receipt["predicate"]
        for file in (*predicate["framing"]["files"], *predicate["configuration"]):
            if file["name"] == name:
                file["digest"]["sha256"] = file_digest(folder / name)
        (folder / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")

    return both


def line_removed(name: str) -> Change:
    def change(folder: Path) -> None:
        lines = (folder / name).read_bytes().splitlines(keepends=True)
        (folder / name).write_bytes(b"".join(lines[:3] + lines[4:]))

    return change


def line_doubled(folder: Path) -> None:
    path = folder / "verdicts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines, lines[0]]))


def verdict_turned(folder: Path) -> None:
    path = folder / "verdicts.jsonl"
    path.write_bytes(path.read_bytes().replace(b'"verdict": "compliance"', b'"verdict": "refusal"', 1))


def verdict_told_twice(folder: Path) -> None:
    path = folder / "verdicts.jsonl"
    honest = b'"verdict": "compliance"'
    path.write_bytes(path.read_bytes().replace(honest, b'"verdict": "refusal", ' + honest, 1))


def stranger_bound(folder: Path) -> None:
    """Bind a file that no run writes, as an audit that never was."""
    (folder / "audit.txt").write_text("nothing found\n", encoding="utf-8")
    digest = {"sha256": file_digest(folder / "audit.txt")}
    files(lambda bound: bound.append({"name": "audit.txt", "digest": digest}))(folder)


def file_added(folder: Path) -> None:
    (folder / "verdicts-late.jsonl").write_bytes((folder / "verdicts.jsonl").read_bytes().splitlines(keepends=True)[0])


def summary_written(folder: Path) -> None:
    (folder / "summary.md").write_text("# all is well\n", encoding="utf-8")


def page_edited(folder: Path) -> None:
    path = folder / "receipt.html"
    honest = path.read_text(encoding="utf-8")
    assert "this is not a pass" in honest
    path.write_text(honest.replace("this is not a pass", "this checkpoint may ship"), encoding="utf-8")


def removed(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def files(change: Callable[[list[Any]], Any]) -> Change:
    """Return a change of the list of files in the receipt."""

    def apply(folder: Path) -> None:
        receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
        change(receipt["predicate"]["framing"]["files"])
        (folder / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")

    return apply


def without(name: str) -> Callable[[list[Any]], Any]:
    """Return what takes a file off the list."""
    return lambda bound: bound.remove(next(file for file in bound if file["name"] == name))


def first_case_excused(folder: Path) -> None:
    """Pass off a case that is missing as one that the user left out."""
    case = json.loads((folder / "plan.json").read_text(encoding="utf-8"))["suites"]["deployment_framing"]["cases"][0]
    path = folder / "circumstances.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["deselected"] = {"deployment_framing": [case["id"]]}
    path.write_text(json.dumps(document), encoding="utf-8")
    for name in ("responses.jsonl", "verdicts.jsonl"):
        kept = [
            line for line in (folder / name).read_bytes().splitlines(keepends=True) if case["id"].encode() not in line
        ]
        (folder / name).write_bytes(b"".join(kept))


SUITE, FRAMING = ("suites", "deployment_framing"), ("predicate", "framing")
ACCOUNT = (*FRAMING, *SUITE)
RATE = (*SUITE, "estimates", "standard", "arms", "free", "refusals")
OTHER = "0" * 64
TAMPERINGS: dict[str, tuple[Change, str]] = {
    "verdict of the receipt": (edited("receipt.json", *FRAMING, "verdict", value="pass"), "framing.verdict says"),
    "result of the receipt": (edited("receipt.json", "predicate", "result", value="PASSED"), "predicate.result says"),
    "a failed gate taken off the receipt": (
        edited("receipt.json", "predicate", "warnedTests", value=[]),
        "warnedTests",
    ),
    "a release claimed": (edited("receipt.json", *FRAMING, "release", value=True), "framing.release says true"),
    "another model": (edited("receipt.json", *FRAMING, "model", "name", value="other"), "model.name says"),
    "another stage of training": (edited("receipt.json", *FRAMING, "model", "stage", value="dpo"), "model.stage says"),
    "another subject": (
        edited("receipt.json", "subject", 0, "digest", value={"sha256": OTHER}),
        "subject[0].digest.sha256 says",
    ),
    "another run": (edited("receipt.json", *FRAMING, "run_id", value="other"), "run_id says"),
    "another plan digest": (
        edited("receipt.json", *FRAMING, "plan_digest", value=f"sha256:{OTHER}"),
        "plan_digest says",
    ),
    "another protocol": (
        edited("receipt.json", *FRAMING, "protocol_digest", value=f"sha256:{OTHER}"),
        "protocol_digest says",
    ),
    "another environment": (
        edited("receipt.json", *FRAMING, "environment", "engine", value={"name": "vllm"}),
        "environment.engine.name says",
    ),
    "a waiver hidden or invented": (edited("receipt.json", *FRAMING, "waived", value=["power"]), "framing.waived"),
    "an untested context claimed": (
        edited("receipt.json", *FRAMING, "contexts", "tested", 0, "name", value="tools"),
        "contexts.tested[0].name says",
    ),
    "a context taken off what was not tested": (
        edited("receipt.json", *FRAMING, "contexts", "not_tested", value=[{"name": "tools", "what": "tools"}]),
        "contexts.not_tested says",
    ),
    "a suite that was skipped": (
        edited("receipt.json", *FRAMING, "skipped_suites", value={"over_refusal": "not at hand"}),
        "skipped_suites.over_refusal says",
    ),
    "evidence of the receipt": (
        edited("receipt.json", *ACCOUNT, "evidence", "missing", value=7),
        "deployment_framing.evidence.missing says 7",
    ),
    "a rate of the receipt": (
        edited("receipt.json", *ACCOUNT, "rates", "standard", "free", "refusal", "count", value=29),
        "rates.standard.free.refusal.count says 29, the record gives 15",
    ),
    "an interval of the receipt": (
        edited("receipt.json", *ACCOUNT, "rates", "standard", "free", "compliance", "low", value=0.5),
        "compliance.low says 0.5",
    ),
    "a class of effect": (
        edited("receipt.json", *ACCOUNT, "effect", "standard", "class", value="none"),
        "effect.standard.class says",
    ),
    "a gate of the receipt": (
        edited("receipt.json", *ACCOUNT, "gates", 1, "status", value="pass"),
        "gates[1].status says",
    ),
    "order evidence": (edited("receipt.json", *ACCOUNT, "order", "unrecorded", value=0), "order.unrecorded says 0"),
    "a seed": (edited("receipt.json", *ACCOUNT, "seed", value=7), "seed says 7"),
    "another judge": (edited("receipt.json", *ACCOUNT, "judge", "label", value="rules/1"), "judge.label says"),
    "queries": (
        edited("receipt.json", *ACCOUNT, "queries", "digest", value=f"hmac-sha256:{OTHER}"),
        "queries.digest says",
    ),
    "a source of queries": (edited("receipt.json", *ACCOUNT, "queries", "source", value="harmbench"), "queries.source"),
    "a file taken off": (files(lambda bound: bound.pop(1)), "plan.json: not bound"),
    "a file twice": (files(lambda bound: bound.append(bound[0])), "bound twice"),
    "a file bound that no run has": (stranger_bound, "audit.txt: bound by the receipt, though no run has such a file"),
    "a rate": (edited("results.json", *RATE, value=29), "results.json: its digest"),
    "a rate, with its digest": (
        rebound(edited("results.json", *RATE, value=29), "results.json"),
        "arms.free.refusals says 29, the record gives 15",
    ),
    "a gate, with its digest": (
        rebound(edited("results.json", *SUITE, "gates", 1, "status", value="pass"), "results.json"),
        "gates[1].status says",
    ),
    "the verdict, with its digest": (
        rebound(edited("results.json", "verdict", value="pass"), "results.json"),
        "results.json: verdict says",
    ),
    "a line of the ledger removed": (line_removed("responses.jsonl"), "responses.jsonl: its digest"),
    "a verdict removed, with its digest": (rebound(line_removed("verdicts.jsonl"), "verdicts.jsonl"), "says"),
    "a verdict doubled, with its digest": (rebound(line_doubled, "verdicts.jsonl"), "says"),
    "a verdict turned": (verdict_turned, "damaged record"),
    "a verdict turned, with its digest": (rebound(verdict_turned, "verdicts.jsonl"), "damaged record"),
    "a verdict told twice on a line, with its digest": (
        rebound(verdict_told_twice, "verdicts.jsonl"),
        "damaged record (the key 'verdict' stands twice",
    ),
    "a ledger file added": (file_added, "verdicts-late.jsonl: not bound by the receipt, though"),
    **{
        f"{name} taken off the receipt": (files(without(name)), f"{name}: not bound by the receipt, though")
        for name in ("responses.jsonl", "verdicts.jsonl", "circumstances.json", "summary.md")
    },
    "a ledger file missing": (removed("responses.jsonl"), "responses.jsonl: bound by the receipt and missing"),
    "the summary changed": (summary_written, "summary.md: its digest"),
    "the summary changed, with its digest": (
        rebound(summary_written, "summary.md"),
        "not the summary of these results",
    ),
    "a part of the receipt of which no page can be made": (
        edited("receipt.json", *ACCOUNT, "judge", "calibration", value={"claim": "safe"}),
        "judge.calibration says",
    ),
    "the page of the receipt": (page_edited, "receipt.html: not the page of this receipt"),
    "an interruption hidden": (
        edited("circumstances.json", "interrupted", value=True),
        "circumstances.json: its digest",
    ),
    "a gate waived afterwards, with its digest": (
        rebound(edited("circumstances.json", "waived", value=["power"]), "circumstances.json"),
        "framing.waived says []",
    ),
    "a judge put in the place of another, with its digest": (
        rebound(edited("circumstances.json", "judge", value="another/1"), "circumstances.json"),
        "counts.judged says 60, the record gives 0",
    ),
    "a missing case passed off as deselected, with its digests": (
        rebound(
            rebound(rebound(first_case_excused, "circumstances.json"), "responses.jsonl"),
            "verdicts.jsonl",
        ),
        "evidence.deselected says 0, the record gives 1",
    ),
    "an accuracy of the judge made up, with its digest": (
        rebound(edited("circumstances.json", "accuracy", "given", value={"n": 1}), "circumstances.json"),
        "circumstances.json: the accuracy of given is not the one",
    ),
    "labels of the judge made up, with their digest": (
        rebound(edited("circumstances.json", "calibrations", value={"given": {}}), "circumstances.json"),
        "circumstances.json: what labels say of the judge given is not what",
    ),
    "circumstances of another shape": (edited("circumstances.json", "waived", value="power"), "waived: 'power'"),
    "the plan changed": (
        edited("plan.json", *SUITE, "cases", 0, "period", value=2),
        "the plan does not have the digest",
    ),
    "a prompt put into the plan": (
        edited("plan.json", *SUITE, "prompts", "count", value=31),
        "the plan does not have the digest",
    ),
    "a suite's limits loosened": (
        edited("plan.json", *SUITE, "definition", "gates", "flip_rate", value={"max": 1.0}),
        "the plan does not have the digest",
    ),
    "another salt": (edited("plan.json", "salt", value="00" * 16), "the plan does not have the digest"),
}


def test_an_honest_run_is_verified(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder / "receipt.json")]) == 0
    assert "verified: " in capsys.readouterr().out
    assert main(["verify", str(folder)]) == 0


@pytest.mark.parametrize("name", TAMPERINGS)
def test_what_was_changed_afterwards_is_named(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, words = TAMPERINGS[name]
    change(folder)
    capsys.readouterr()
    assert main(["verify", str(folder / "receipt.json")]) == 1
    out = capsys.readouterr().out
    assert "NOT VERIFIED" in out
    assert words in out


def test_a_verdict_may_be_required(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(folder), "--require", "pass"]) == 1
    assert "but pass is required" in capsys.readouterr().out
    verdict = json.loads((folder / "results.json").read_text(encoding="utf-8"))["verdict"]
    assert main(["verify", str(folder), "--require", verdict]) == 0


def test_a_run_with_a_waiver_is_verified_with_it_and_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["gate", str(folder), "--waive", "power"])
    capsys.readouterr()
    assert main(["verify", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "note: waived gates: power" in out
    assert "note: not a release run" in out


def test_a_run_that_passes_by_a_waiver_becomes_no_baseline_unasked(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = json.loads((folder / "results.json").read_text(encoding="utf-8"))["suites"]["deployment_framing"]["gates"]
    held = [word for gate in gates if gate["status"] != "pass" for word in ("--waive", gate["name"])]
    assert main(["gate", str(folder), *held]) == 0
    assert main(["baseline", "save", str(folder), "--to", str(tmp_path / "baselines")]) == 3
    assert "was waived; --force" in capsys.readouterr().err


def test_verdicts_that_the_answers_on_record_do_not_give_are_found_though_everything_was_made_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"prompt_id": n, "framing": framing, "response": "I can't help with that." if n % 2 else "Here is a teapot."}
        for n in range(30)
        for framing in ("free", "paid")
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    main(["import", str(path), "--out", str(tmp_path / "run")])
    folder = tmp_path / "run"
    assert main(["verify", str(folder)]) == 0
    verdicts = read_verdicts(folder).records
    (folder / "verdicts.jsonl").unlink()
    ledger = LedgerWriter(folder)
    for number, verdict in enumerate(verdicts):
        ledger.add_verdict(verdict if number else replace(verdict, verdict=VerdictLabel.INVALID))
    ledger.close()
    main(["gate", str(folder), "--write"])
    capsys.readouterr()
    assert main(["verify", str(folder)]) == 1
    assert "1 verdicts are not those that the answers on record give" in capsys.readouterr().out


def judged_by_another(folder: Path) -> None:
    """Add the verdicts of another judge, who agrees."""
    ledger = LedgerWriter(folder, "another-1")
    for verdict in read_verdicts(folder).records:
        ledger.add_verdict(replace(verdict, judge="another/1"))
    ledger.close()


def test_verdicts_that_came_later_are_noted_and_change_nothing(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_by_another(folder)
    assert main(["verify", str(folder)]) == 0
    assert "note: not bound by the receipt: verdicts-another" in capsys.readouterr().out


def test_the_receipt_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "receipt.json"
    elsewhere.write_bytes((folder / "receipt.json").read_bytes())
    assert main(["verify", str(elsewhere), "--run", str(folder)]) == 0


def test_a_page_beside_a_receipt_that_lies_elsewhere_is_held_to_the_run(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    elsewhere = tmp_path / "handed over"
    elsewhere.mkdir()
    for name in ("receipt.json", "receipt.html"):
        (elsewhere / name).write_bytes((folder / name).read_bytes())
    verify = ["verify", str(elsewhere / "receipt.json"), "--run", str(folder)]
    assert main(verify) == 0
    page_edited(elsewhere)
    assert main(verify) == 1
    assert "receipt.html: not the page of this receipt" in capsys.readouterr().out


def test_a_run_without_its_pages_is_verified(folder: Path) -> None:
    (folder / "receipt.html").unlink()
    (folder / "report.html").unlink()
    assert main(["verify", str(folder)]) == 0


def test_the_report_is_told_not_to_be_covered(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "report.html").write_text("this checkpoint may ship", encoding="utf-8")
    assert main(["verify", str(folder)]) == 0
    assert "note: report.html was not looked at" in capsys.readouterr().out


MISSHAPEN = {
    "a name that leads elsewhere": edited("receipt.json", *FRAMING, "files", 0, "name", value="../rows.jsonl"),
    "no suites": edited("receipt.json", *FRAMING, "suites", value={}),
    "a number as text": edited("receipt.json", *FRAMING, "sessions", value="1"),
    "true as a number": edited("receipt.json", *ACCOUNT, "seed", value=True),
    "a key too many": edited("receipt.json", *FRAMING, "model", value={"name": "tiny", "claim": "safe"}),
    "no subject": edited("receipt.json", "subject", value=[]),
}


@pytest.mark.parametrize("name", MISSHAPEN)
def test_a_receipt_of_another_shape_is_broken_input_and_the_place_is_named(
    name: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    MISSHAPEN[name](folder)
    assert main(["verify", str(folder)]) == 3
    assert "receipt.json: not a receipt of pytest-framing: " in capsys.readouterr().err


@pytest.mark.parametrize("content", ['{"schema_version": 1}', '{"schema_version": 1, "suites": []}'])
def test_results_of_another_shape_are_told_plainly(
    content: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "results.json").write_text(content, encoding="utf-8")
    assert main(["annotate", str(folder)]) == 3
    assert "results.json: not the results of a run: " in capsys.readouterr().err
    assert main(["verify", str(folder)]) == 1


def test_a_run_is_verified_against_the_baseline_that_it_keeps_wherever_the_first_has_gone(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    baselines = tmp_path / "baselines"
    assert main(["baseline", "save", str(folder), "--to", str(baselines), "--force"]) == 0
    named = next(baselines.rglob("*.json"))
    assert main(["gate", str(folder), "--baseline", str(named), "--waive", "power"]) in (0, 1, 2)
    named.unlink()
    moved = folder.rename(tmp_path / "elsewhere")
    capsys.readouterr()
    assert main(["verify", str(moved)]) == 0
    assert "concluded with another baseline than it began with" in capsys.readouterr().out
    kept = moved / "baseline-deployment_framing.json"
    kept.write_bytes(kept.read_bytes().replace(b'"compliance"', b'"refusal"', 1))
    assert main(["verify", str(moved)]) == 1
    assert "baseline-deployment_framing.json: its digest" in capsys.readouterr().out
    kept.unlink()
    assert main(["verify", str(moved)]) == 1
    assert "was compared with a baseline" in capsys.readouterr().out


def test_a_run_that_was_concluded_by_another_judge_is_verified_by_that_judge(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    judged_by_another(folder)
    (folder / "results.json").unlink()
    assert main(["gate", str(folder), "--judge", "another/1", "--waive", "power"]) in (0, 1, 2)
    assert json.loads((folder / "circumstances.json").read_text(encoding="utf-8"))["judge"] == "another/1"
    capsys.readouterr()
    assert main(["verify", str(folder)]) == 0


def test_labels_that_came_later_enter_the_receipt_when_it_is_written_again(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = tmp_path / "labels.jsonl"
    rows = [
        {"prompt_id": n, "framing": framing, "verdict": "refusal" if n % 2 else "compliance"}
        for n in range(30)
        for framing in ("free", "paid")
    ]
    labels.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main(["calibrate", str(folder), "--labels", str(labels)]) == 0
    capsys.readouterr()
    assert main(["verify", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "nobody measured how well the judge given agrees with people" in out
    assert "not bound by the receipt: calibration-given.json" in out
    assert main(["receipt", "write", str(folder)]) == 0
    receipt = json.loads((folder / "receipt.json").read_text(encoding="utf-8"))
    judge = receipt["predicate"]["framing"]["suites"]["deployment_framing"]["judge"]
    assert judge["calibration"]["framings"]["free"]["sensitivity"]["n"] == 15
    capsys.readouterr()
    assert main(["verify", str(folder)]) == 0
    assert "nobody measured" not in capsys.readouterr().out
    assert "on labels of this run" in (folder / "receipt.html").read_text(encoding="utf-8")


def test_a_receipt_that_says_two_things_in_one_place_is_broken_input(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever reads the first of the two values is told another result than whoever reads the last."""
    path = folder / "receipt.json"
    honest = path.read_text(encoding="utf-8")
    path.write_text(honest.replace('"result": ', '"result": "PASSED", "result": ', 1), encoding="utf-8")
    assert main(["verify", str(path)]) == 3
    assert "the key 'result' stands twice" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"_type": "https://in-toto.io/Statement/v1"}'])
def test_what_is_no_receipt_is_broken_input(content: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(content, encoding="utf-8")
    assert main(["verify", str(path)]) == 3
    assert "receipt.json" in capsys.readouterr().err


def test_a_run_that_is_not_there_is_broken_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "20260101T000000Z-tiny-0000"]) == 3
    assert "no run there" in capsys.readouterr().err
