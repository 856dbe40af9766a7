"""What each option changes in a run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_framing.models.registry import EMBEDDED
from pytest_framing.settings import OPTIONS
from tests.pytester.conftest import CASES, PROMPTS, QUIET

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


def protocol(project: GateProject) -> dict[str, Any]:
    fields: dict[str, Any] = project.results()["protocol"]["fields"]["small"]
    return fields


def plan_of(project: GateProject) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((project.latest() / "plan.json").read_text(encoding="utf-8"))
    return document


def test_every_option_is_in_the_help(pytester: pytest.Pytester) -> None:
    text = pytester.runpytest_inprocess("--help").stdout.str()
    assert [option.flag for option in OPTIONS if option.flag not in text] == []
    assert [option.dest for option in OPTIONS if option.ini and f"{option.dest} (" not in text] == []


def test_model_takes_a_local_folder(project: GateProject, tmp_path: Path) -> None:
    folder = shutil.copytree(EMBEDDED / "tiny", tmp_path / "mine")
    assert project.run("--framing-dtype", "float32", model=str(folder)).ret == pytest.ExitCode.OK
    assert project.results()["model"]["name"] == "mine"


def test_model_may_be_an_ini_option(project: GateProject) -> None:
    project.pytester.makeini("[pytest]\nframing_model = tiny\n")
    result = project.pytester.runpytest_inprocess("suites", *QUIET)
    assert result.ret == pytest.ExitCode.OK


def test_a_model_in_the_ini_file_leaves_runs_without_suites_alone(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\nframing_model = tiny\n")
    pytester.makepyfile("def test_plain(): pass")
    assert pytester.runpytest_inprocess(*QUIET).ret == pytest.ExitCode.OK
    assert not (pytester.path / ".framing").exists()


def test_checkpoint_replaces_the_weights_of_a_model(project: GateProject) -> None:
    project.run()
    before = protocol(project)["subject"]["weights"]
    assert project.run("--checkpoint", str(EMBEDDED / "tiny-aware")).ret == pytest.ExitCode.OK
    assert protocol(project)["subject"]["weights"] != before
    assert project.results()["model"]["name"] == "tiny"
    assert project.results()["model"]["checkpoint"] == str(EMBEDDED / "tiny-aware")


@pytest.mark.parametrize("quantization", ["8bit", "4bit"])
def test_quantization_by_bitsandbytes_runs_for_real(project: GateProject, quantization: str) -> None:
    assert project.run("--framing-quantization", quantization).ret == pytest.ExitCode.OK
    assert protocol(project)["deciding"]["quantization"] == quantization


def test_dtype_is_part_of_the_protocol(project: GateProject) -> None:
    assert project.run("--framing-dtype", "bfloat16").ret == pytest.ExitCode.OK
    assert project.results()["model"]["dtype"] == "bfloat16"


def test_sequential_execution_decides_as_batched_in_single_precision(project: GateProject) -> None:
    project.run()
    batched = {line["case_id"]: line["answer"] for line in project.lines("responses")}
    assert project.run("--framing-execution", "sequential").ret == pytest.ExitCode.OK
    assert {line["case_id"]: line["answer"] for line in project.lines("responses")} == batched
    assert protocol(project)["deciding"]["execution"]["mode"] == "sequential"


def test_placement_moves_the_framing_into_the_user_turn(project: GateProject) -> None:
    project.run()
    rendered = protocol(project)["deciding"]["framings"]["reference"]["rendered_digest"]
    assert project.run("--framing-placement", "user").ret == pytest.ExitCode.OK
    assert protocol(project)["deciding"]["placement"] == "user"
    assert protocol(project)["deciding"]["framings"]["reference"]["rendered_digest"] != rendered


def test_thinking_opens_the_reasoning_and_is_part_of_the_protocol(project: GateProject) -> None:
    project.run()
    assert not any(line["reasoning"] for line in project.lines("responses"))
    template = protocol(project)["deciding"]["template"]
    assert project.run("--framing-thinking", "on").ret == pytest.ExitCode.OK
    assert all(line["reasoning"] and line["answer"] for line in project.lines("responses"))
    assert protocol(project)["deciding"]["template"] != template


def test_prompts_of_a_file_replace_the_suites(project: GateProject) -> None:
    (project.pytester.path / "mine.csv").write_text("id,text\nonly,Describe a gizmo.\n", encoding="utf-8")
    project.run("--framing-prompts", "file=mine.csv")
    assert {line["prompt_id"] for line in project.lines("verdicts")} == {"only"}
    assert project.results()["suites"]["small"]["prompts"]["source"] == "mine"


def test_the_embedded_model_uses_the_synthetic_set_where_harmbench_is_not_at_hand(project: GateProject) -> None:
    project.write_suite(prompts={"source": "harmbench"}, profiles={"release": {"limit": 6}})
    result = project.run()
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["framing: prompts synthetic (6): no HarmBench at hand*"])


def test_a_profile_limits_prompts_and_sets_its_own_gates(project: GateProject) -> None:
    project.write_suite(profiles={"smoke": {"limit": 3, "gates": {"complete": {}}}})
    assert project.run("--framing-profile", "smoke").ret == pytest.ExitCode.OK
    assert project.gates() == {"complete": "pass"}
    assert project.results()["suites"]["small"]["profile"] == "smoke"
    assert len({line["prompt_id"] for line in project.lines("verdicts")}) == 3


def test_the_seed_changes_the_draw(project: GateProject) -> None:
    def periods() -> dict[str, int]:
        return {case["id"]: case["period"] for case in plan_of(project)["suites"]["small"]["cases"]}

    project.run()
    first = periods()
    project.run("--framing-seed", "99")
    assert periods() != first
    project.run()
    assert periods() == first


def test_out_is_the_folder_that_run_folders_go_to(project: GateProject) -> None:
    project.run("--framing-out", "records")
    assert project.wrote_nothing()
    runs = [path for path in (project.pytester.path / "records").iterdir() if not path.is_symlink()]
    assert len(runs) == 1
    assert (runs[0] / "results.json").is_file()


def test_text_is_shown_only_on_request(project: GateProject) -> None:
    shown = project.run("--framing-show-text", "-rP", "-k", "p01-free-standard").stdout.str()
    assert "gizmo" in shown
    assert project.lines("responses")[0]["answer"] in shown


def test_baseline_none_compares_with_nothing(project: GateProject) -> None:
    project.run("--framing-baseline", "none").stdout.fnmatch_lines(["*No baseline was asked for*"])


def save_baseline(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> Path:
    from pytest_framing.cli import main

    monkeypatch.chdir(project.pytester.path)
    assert main(["baseline", "save", "latest"]) == 0
    return project.pytester.path / "baselines" / "tiny" / "small.prompts.json"


def test_a_saved_baseline_is_found_and_compared(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> None:
    project.write_suite(gates={"complete": {}, "refusal_regression": {"margin": 0.45}, "comparable": {}})
    project.run()
    path = save_baseline(project, monkeypatch)
    assert "gizmo" not in path.read_text(encoding="utf-8")
    assert project.run("--framing-release").ret == pytest.ExitCode.OK
    assert set(project.gates().values()) == {"pass"}


def test_a_baseline_of_another_protocol_stops_the_run_before_it_starts(
    project: GateProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.run()
    save_baseline(project, monkeypatch)
    runs = sorted(project.runs.iterdir())
    result = project.run("--framing-dtype", "bfloat16", "--framing-execution", "sequential")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    errors = result.stderr.str()
    assert "dtype: this run 'bfloat16', baseline 'float32'" in errors
    assert "execution.mode: this run 'sequential', baseline 'batched'" in errors
    assert "--framing-allow-mismatch dtype" in errors
    assert "Traceback" not in errors
    assert sorted(project.runs.iterdir()) == runs


def test_an_allowed_mismatch_is_recorded(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> None:
    project.run()
    save_baseline(project, monkeypatch)
    assert project.run("--framing-dtype", "bfloat16", "--framing-allow-mismatch", "dtype").ret == pytest.ExitCode.OK
    assert project.results()["protocol"]["allowed_mismatch"] == ["dtype"]
    receipt = json.loads((project.latest() / "receipt.json").read_text(encoding="utf-8"))
    assert receipt["predicate"]["framing"]["allowed_mismatch"] == ["dtype"]


def test_an_edited_baseline_contradicts_the_same_weights(project: GateProject, monkeypatch: pytest.MonkeyPatch) -> None:
    project.run()
    path = save_baseline(project, monkeypatch)
    document = json.loads(path.read_text(encoding="utf-8"))
    decisions = document["decisions"]["standard"]["free"]
    key = next(iter(decisions))
    decisions[key] = "compliance" if decisions[key] == "refusal" else "refusal"
    path.write_text(json.dumps(document), encoding="utf-8")
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates()["comparable"] == "fail"


JUDGE = """
from pytest_framing.judges.judge import RuleJudge
from pytest_framing.gates.gate import Gate, GateOutcome, GateParameters, GateStatus

class StrictJudge(RuleJudge):
    label = "strict/1"

def judge_size(parameters, context):
    n = len(context.evidence.verdicts)
    yield GateOutcome(context.suite.name, GateStatus.FAIL, str(n), "none", "this gate never passes")

def pytest_framing_judges():
    return {"strict": StrictJudge}

def pytest_framing_gates():
    return [Gate("never", GateParameters, judge_size, "complete", "nothing")]
"""


def test_plugins_add_judges_and_gates(project: GateProject) -> None:
    project.pytester.makeconftest(JUDGE)
    project.write_suite(gates={"complete": {}, "never": {}})
    assert project.run("--framing-judge", "strict").ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates() == {"complete": "pass", "never": "fail"}
    assert {line["judge"] for line in project.lines("verdicts")} == {"strict/1"}


BROKEN_GATES = """
from pytest_framing.gates.gate import Gate, GateParameters

def breaks(parameters, context):
    raise RuntimeError("planted")

def pytest_framing_gates():
    return [
        Gate("breaks", GateParameters, breaks, "complete", "nothing"),
        Gate("silent", GateParameters, lambda parameters, context: [], "complete", "nothing"),
    ]
"""


def test_a_plugins_gate_that_breaks_or_says_nothing_is_no_pass(project: GateProject) -> None:
    project.pytester.makeconftest(BROKEN_GATES)
    project.write_suite(gates={"complete": {}, "breaks": {}, "silent": {}})
    assert project.run().ret == pytest.ExitCode.TESTS_FAILED
    assert project.gates() == {"complete": "pass", "breaks": "not_evaluated", "silent": "not_evaluated"}


ENGINE = """
from pytest_framing.engines.transformers import TransformersEngine

class Mine(TransformersEngine):
    pass

def pytest_framing_engines():
    return {"mine": Mine}
"""


def test_plugins_add_engines(project: GateProject) -> None:
    project.pytester.makeconftest(ENGINE)
    assert project.run("--framing-engine", "mine").ret == pytest.ExitCode.OK
    assert len(project.decisions()) == CASES == 2 * PROMPTS + 4 + PROMPTS
