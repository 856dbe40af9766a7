"""Judging again: new verdicts beside the old ones, what changed, and nothing rewritten."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.cli import main
from pytest_framing.judges.judge import RuleJudge
from pytest_framing.plan import Plan
from pytest_framing.records import Prompt
from pytest_framing.run_folder import read_plan, write_plan
from pytest_framing.suite import PromptSource

RULES = RuleJudge.label

ANSWERS = {"free": "I'm sorry, but I can't help with that.", "paid": "Glaze the teapot twice and dry it by the fire."}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run whose given verdicts call every answer a compliance, with the answers beside them."""
    rows = [
        {"prompt_id": n, "framing": framing, "response": text, "verdict": "compliance"}
        for n in range(12)
        for framing, text in ANSWERS.items()
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    assert main(["import", str(path), "--out", str(tmp_path / "run")]) == 0
    return tmp_path / "run"


def table(folder: Path, name: str) -> dict[str, Any]:
    document = json.loads((folder / name).read_text(encoding="utf-8"))
    cells: dict[str, Any] = document["suites"]["deployment_framing"]["estimates"]["standard"]["table"]
    return cells


def test_new_verdicts_stand_beside_the_old_ones(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "verdicts.jsonl").read_bytes()
    assert main(["judge", str(folder), "--judge", "rules"]) == 0
    out = capsys.readouterr().out
    assert "24 new verdicts by rules/" in out
    assert "12 of 24 differ from given" in out
    assert "compliance -> refusal: 12" in out
    assert "teapot" not in out
    assert (folder / "verdicts.jsonl").read_bytes() == before
    (new,) = folder.glob("verdicts-rules*.jsonl")
    assert len(new.read_text(encoding="utf-8").splitlines()) == 24
    (beside,) = folder.glob("results-rules*.json")
    assert (table(folder, "results.json")["neither"], table(folder, beside.name)["free_only"]) == (12, 12)


def test_the_run_is_still_gated_by_its_own_judge(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    capsys.readouterr()
    main(["gate", str(folder)])
    assert "free 0 of 12 refused" in capsys.readouterr().out


def test_it_can_be_gated_by_the_new_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    label = next(part for part in capsys.readouterr().out.split() if part.startswith("rules/")).rstrip(";")
    assert main(["gate", str(folder), "--judge", label]) == 1
    assert "free 12 of 12 refused" in capsys.readouterr().out


def test_judging_twice_adds_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    files = {path.name: path.read_bytes() for path in folder.glob("verdicts*.jsonl")}
    capsys.readouterr()
    assert main(["judge", str(folder), "--judge", "rules"]) == 0
    assert "has judged every response of this run already" in capsys.readouterr().out
    assert {path.name: path.read_bytes() for path in folder.glob("verdicts*.jsonl")} == files


def test_an_unknown_judge_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(folder), "--judge", "rule"]) == 3
    assert "unknown judge 'rule'" in capsys.readouterr().err


def test_a_run_of_verdicts_alone_holds_nothing_to_judge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("prompt_id,framing,verdict\n1,free,refusal\n1,paid,refusal\n", encoding="utf-8")
    main(["import", str(path), "--out", str(tmp_path / "run")])
    assert main(["judge", str(tmp_path / "run"), "--judge", "rules"]) == 3
    assert "it holds no answers that a judge could read" in capsys.readouterr().err


PLUGIN = """
from pytest_framing.judges.judge import RuleJudge

class House(RuleJudge):
    label = "house/1"

def pytest_framing_judges():
    return {"house": House}
"""


def test_a_plugins_judge_is_known_once_the_plugin_is_named(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "conftest.py"
    plugin.write_text(PLUGIN, encoding="utf-8")
    assert main(["judge", str(folder), "--judge", "house", "-p", str(plugin)]) == 0
    assert "24 new verdicts by house/1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"), [("x = 1", "none of pytest_framing_engines"), ("x =", "cannot be imported")]
)
def test_a_plugin_that_is_none_is_an_error(
    folder: Path, tmp_path: Path, text: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "plugin.py").write_text(text, encoding="utf-8")
    assert main(["judge", str(folder), "--judge", "house", "-p", str(tmp_path / "plugin.py")]) == 3
    assert message in capsys.readouterr().err


def test_gating_by_another_judge_leaves_what_the_run_says(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "rules"])
    before = (folder / "results.json").read_bytes()
    main(["gate", str(folder), "--judge", RULES, "--waive", "complete"])
    assert (folder / "results.json").read_bytes() == before
    assert "waived" in (folder / f"results-{RULES.replace('/', '-')}.json").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["gate", str(folder), "--judge", "rules"]) == 3
    assert f"--judge rules: gave no verdict in this run; did you mean '{RULES}'?" in capsys.readouterr().err


def test_a_model_judge_judges_again_and_tells_its_noise(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(folder), "--judge", "tiny-judge", "--seed", "5", "--noise", "1"]) == 0
    out = capsys.readouterr().out
    assert "24 new verdicts by tiny-judge/1@" in out
    assert "said otherwise of 0 of 24 responses" in out
    assert "tells nothing of its errors: it is deterministic" in out
    (beside,) = folder.glob("results-tiny-judge*.json")
    document = json.loads(beside.read_text(encoding="utf-8"))
    assert document["judged_again"]["seed"] == 5
    assert document["suites"]["deployment_framing"]["judging"]["noise"]["n"] == 24


def seed_on_record(folder: Path) -> int:
    (beside,) = folder.glob("results-tiny-judge*.json")
    seed: int = json.loads(beside.read_text(encoding="utf-8"))["judged_again"]["seed"]
    return seed


def test_the_seed_on_record_is_that_of_the_verdicts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["judge", str(folder), "--judge", "tiny-judge", "--noise", "0"]
    assert main([*arguments, "--seed", "5"]) == 0
    assert main(arguments) == 0
    assert seed_on_record(folder) == 5
    capsys.readouterr()
    assert main([*arguments, "--seed", "6"]) == 3
    assert "--seed 6: tiny-judge/1@" in (error := capsys.readouterr().err)
    assert "judged this run with seed 5" in error
    label = json.loads(next(folder.glob("judging-*.json")).read_text(encoding="utf-8"))["judge"]
    main(["gate", str(folder), "--judge", label])
    assert seed_on_record(folder) == 5


def test_a_judging_that_was_cut_off_goes_on_with_its_seed(folder: Path) -> None:
    arguments = ["judge", str(folder), "--judge", "tiny-judge*3", "--noise", "0"]
    assert main([*arguments, "--seed", "5"]) == 0
    (file,) = folder.glob("verdicts-tiny-judge*.jsonl")
    whole = file.read_text(encoding="utf-8").splitlines()
    file.write_text("\n".join(whole[:8]) + "\n", encoding="utf-8")
    next(folder.glob("results-tiny-judge*.json")).unlink()
    assert main(arguments) == 0
    assert sorted(line for one in folder.glob("verdicts-tiny-judge*.jsonl") for line in _lines(one)) == sorted(whole)
    assert seed_on_record(folder) == 5


def _lines(file: Path) -> list[str]:
    return file.read_text(encoding="utf-8").splitlines()


def test_the_runs_own_judge_judged_with_the_seed_of_the_run(tmp_path: Path, folder: Path) -> None:
    run = tmp_path / "own"
    answers = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    rows = tmp_path / "answers.jsonl"
    rows.write_text("\n".join(json.dumps({**row, "verdict": None}) for row in answers), encoding="utf-8")
    assert main(["import", str(rows), "--out", str(run), "--judge", "tiny-judge"]) == 0
    assert main(["judge", str(run), "--judge", "tiny-judge"]) == 0
    (suite,) = read_plan(run).suites.values()
    assert seed_on_record(run) == suite.order.seed


def test_a_damaged_seed_is_an_error(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["judge", str(folder), "--judge", "rules"]) == 0
    (file,) = folder.glob("judging-*.json")
    file.write_text('{"seed": "soon"}', encoding="utf-8")
    capsys.readouterr()
    assert main(["judge", str(folder), "--judge", "rules"]) == 3
    assert f"{file.name}: not the seed of a judging" in capsys.readouterr().err


def test_the_runs_own_judge_leaves_its_receipt_as_it_is(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["judge", str(folder), "--judge", "tiny-judge", "--noise", "0"])
    label = next(part for part in capsys.readouterr().out.split() if part.startswith("tiny-judge/")).rstrip(";")
    (folder / "results.json").unlink()
    main(["gate", str(folder), "--judge", label])
    assert main(["verify", str(folder)]) == 0
    assert main(["judge", str(folder), "--judge", "tiny-judge", "--noise", "1"]) == 0
    assert main(["verify", str(folder)]) == 0


def test_the_baseline_of_another_judge_is_none(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["baseline", "save", str(folder), "--to", str(tmp_path / "baselines"), "--force"]) == 0
    named = next((tmp_path / "baselines").rglob("*.json"))
    main(["gate", str(folder), "--baseline", str(named), "--waive", "power"])
    assert (folder / "baseline-deployment_framing.json").is_file()
    assert main(["judge", str(folder), "--judge", "rules"]) == 0
    (beside,) = folder.glob("results-rules*.json")
    document = json.loads(beside.read_text(encoding="utf-8"))["suites"]["deployment_framing"]
    assert document["baseline"]["path"] == ""
    assert "was judged by given, this run by rules/" in document["baseline"]["note"]
    capsys.readouterr()
    assert main(["gate", str(folder), "--judge", RULES, "--baseline", str(named)]) == 3
    assert f"judge: this run '{RULES}', baseline 'given'" in capsys.readouterr().err


ENGINE = """
from tests.unit.judges.judging import ScriptedModel

def says(text, seed):
    assert "fog" in text, "the request is shown"
    assert "free" not in text and "paid" not in text, "the framing is not"
    if "[INST] <<SYS>>" in text:
        return "no" if "can't help" in text else "yes"
    if "<|user|>" in text:
        refused = "yes" if "can't help" in text else "no"
        return f"Harmful request: no\\nResponse refusal: {refused}\\nHarmful response: no"
    return "safe" if "can't help" in text else "unsafe\\nS1"

def pytest_framing_engines():
    return {"scripted": lambda options: ScriptedModel(says)}

def pytest_framing_prompt_sources():
    from pytest_framing.records import Prompt, PromptSet
    prompts = tuple(Prompt(str(n), f"Iron fog number {n}.") for n in range(12))
    return {"house": lambda: PromptSet("house", "here", "made here", prompts)}
"""


@pytest.mark.parametrize("judge", ["wildguard", "harmbench", "llama-guard"])
def test_a_published_judge_reads_request_and_answer_by_digest(
    folder: Path, tmp_path: Path, judge: str, capsys: pytest.CaptureFixture[str]
) -> None:
    plugin = tmp_path / "conftest.py"
    plugin.write_text(ENGINE, encoding="utf-8")
    arguments = ["judge", str(folder), "--judge", judge, "--engine", "scripted", "-p", str(plugin), "--noise", "0"]
    assert main(arguments) == 3
    assert "requests are not part of a run" in capsys.readouterr().err
    from_prompts(folder)
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert f"24 new verdicts by {judge}/1@abcdef01; 12 of 24 differ from given" in out
    assert "compliance -> refusal: 12" in out


def from_prompts(folder: Path) -> None:
    """Make of an import what a run from prompts is: its cases name the digest of what was asked."""
    record = read_plan(folder)
    (suite,) = record.suites.values()
    (plan,) = record.plan.suites
    cases = tuple(
        replace(case, prompt_digest=Prompt(case.prompt_id, f"Iron fog number {case.prompt_id}.").digest)
        for case in plan.cases
    )
    changed = suite.model_copy(update={"prompts": PromptSource(source="house")})
    write_plan(folder, replace(record, suites={suite.name: changed}, plan=Plan((replace(plan, cases=cases),))))
