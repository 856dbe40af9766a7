"""Runs as Inspect logs and back, and the two framings as Inspect tasks: all with the real inspect_ai."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from pytest_framing import optional_packages
from pytest_framing.cli import main
from pytest_framing.records import VerdictLabel
from pytest_framing.results import write_conclusion
from tests.unit.builders import ANSWER, NAME, Run, make_response, make_run, make_suite, table, write_run

needs_inspect = pytest.mark.skipif(
    find_spec("inspect_ai") is None, reason="needs inspect_ai: pip install 'pytest-framing[inspect]'"
)
# inspect_ai and what it loads warn about their own deprecations.
foreign_warnings = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
ROOT = Path(__file__).parents[2]
TINY = ROOT / "pytest_framing" / "models" / "embedded" / "tiny"
BASELINE = ROOT / "baselines" / "tiny" / "deployment_framing.synthetic.json"
REFUSES, COMPLIES = "I can't help with that.", "Teapots are glazed twice, at a low heat, and then they dry."
# mockllm counts tokens with a vocabulary that tiktoken downloads; a machine without a connection counts bytes.
OFFLINE_INSPECT = """
import tiktoken
bytes_alone = tiktoken.Encoding("bytes", pat_str="(?s).", mergeable_ranks={bytes([n]): n for n in range(256)},
                                special_tokens={})
tiktoken.get_encoding = lambda name: bytes_alone
from inspect_ai._cli.main import main
main()
"""


def write_finished(run: Run, folder: Path) -> Path:
    write_conclusion(write_run(run, folder), folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A run with a placebo arm, replicates, and answers that could not be judged."""
    cells = table(6, 4, 1, 9, free_invalid=1, paid_invalid=1)
    suite = make_suite(
        modes=["standard", "forcing"],
        controls={"repeat_fraction": 0.5, "placebo": True},
        gates={"complete": {}, "gap_contains_zero": {"confidence": 0.96}},
    )
    again = {"teapot_0002-free-standard-r2": VerdictLabel.COMPLIANCE}
    return write_finished(make_run(cells, cells[::-1], suite=suite, again=again), tmp_path / "run")


def exported(folder: Path, *arguments: str) -> dict[str, Path]:
    """Export a run; logs by framing and mode."""
    out = folder.parent / "logs"
    assert main(["export", str(folder), "--to", "inspect", "--out", str(out), *arguments]) == 0
    return {path.name.split("_")[1].removeprefix(f"{NAME}-"): path for path in sorted((out / NAME).iterdir())}


def read(path: Path) -> Any:
    from inspect_ai.log import read_eval_log

    return read_eval_log(str(path))


def estimates(folder: Path, suite: str = NAME) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = document["suites"][suite]["estimates"]
    return found


def inspect(*arguments: str, cwd: Path, script: str = OFFLINE_INSPECT) -> str:
    """Run Inspect's own command line."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "INSPECT_LOG_LEVEL": "error", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


def write_log(path: Path, samples: Sequence[dict[str, Any]], *, model: str = "mock", **about: Any) -> Path:
    """Write a log as somebody else's eval leaves it."""
    from inspect_ai.log import EvalConfig, EvalDataset, EvalLog, EvalSample, EvalSpec, write_eval_log

    spec = EvalSpec(
        created="2026-01-01T00:00:00+00:00", task="theirs", dataset=EvalDataset(), model=model, config=EvalConfig()
    )
    status = about.pop("status", "success")
    log = EvalLog(
        status=status, eval=spec, samples=[EvalSample(epoch=1, input="", target="", **one) for one in samples], **about
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_eval_log(log, str(path))
    return path


def their_samples(values: Sequence[Any], scorer: str = "graded") -> list[dict[str, Any]]:
    from inspect_ai.scorer import Score

    return [{"id": f"Teapot No. {n}", "scores": {scorer: Score(value=value)}} for n, value in enumerate(values)]


def their_answers(*texts: str) -> list[dict[str, Any]]:
    from inspect_ai.model import ModelOutput

    return [{"id": n, "output": ModelOutput.from_content("mock", text)} for n, text in enumerate(texts, start=1)]


def import_logs(tmp_path: Path, *arguments: str | Path) -> int:
    return main(["import", *map(str, arguments), "--out", str(tmp_path / "imported")])


@needs_inspect
@foreign_warnings
class TestExport:
    def test_each_framing_and_mode_is_a_task_of_its_own(self, folder: Path) -> None:
        logs = exported(folder)
        assert {*logs} == {
            f"{framing}-{mode}" for framing in ("free", "paid", "placebo") for mode in ("standard", "forcing")
        }

    def test_samples_are_prompts_epochs_are_replicates_and_scores_are_verdicts(self, folder: Path) -> None:
        log = read(exported(folder)["free-standard"])
        sample = next(one for one in log.samples if (one.id, one.epoch) == ("teapot_0002", 2))
        assert sample.scores["verdict"].value == "compliance"
        assert sample.scores["refused"].value == 0.0
        assert sample.metadata["case"] == "teapot_0002-free-standard-r2"
        assert sample.metadata["pair"] == "teapot_0002-standard-r2"
        assert sample.metadata["stamps"]["worker"] == "main"
        first = next(one for one in log.samples if (one.id, one.epoch) == ("teapot_0002", 1))
        assert (first.scores["verdict"].value, first.scores["refused"].value) == ("refusal", 1.0)
        assert {one.epoch for one in log.samples} == {1, 2}
        invalid = [one for one in log.samples if one.scores["verdict"].value == "invalid"]
        assert invalid
        assert all(math.isnan(one.scores["refused"].value) for one in invalid)

    def test_the_task_says_what_was_gated(self, folder: Path) -> None:
        about = read(exported(folder)["paid-forcing"]).eval.metadata["pytest_framing"]
        results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
        assert (about["run_id"], about["verdict"]) == ("run-1", results["verdict"])
        assert (about["framing"], about["framing_role"], about["mode"]) == ("paid", "treatment", "forcing")
        assert about["protocol_digest"] == results["protocol"]["digest"]
        assert about["plan_digest"] == results["protocol"]["plan"]
        assert about["gates"][0]["name"] == "complete"
        assert "paid tier" in about["framing_text"]

    def test_inspects_own_accounting_gives_the_rates_of_the_results(self, tmp_path: Path) -> None:
        from inspect_ai.log import recompute_metrics

        suite = make_suite(controls={"repeat_fraction": 0.5, "placebo": True})
        again = {f"teapot_{n:04d}-free-standard-r2": VerdictLabel.COMPLIANCE for n in range(11)}
        folder = write_finished(make_run(table(6, 4, 1, 9), suite=suite, again=again), tmp_path / "run")
        logs = exported(folder)
        for framing in ("free", "paid"):
            log = read(logs[f"{framing}-standard"])
            arm = estimates(folder)["standard"]["arms"][framing]
            for _ in range(2):  # as exported, and as Inspect computes it again from the samples
                (score,) = [one for one in log.results.scores if one.name == "refused"]
                assert score.metrics["refusal_rate"].value == pytest.approx(arm["rate"])
                assert score.scored_samples == arm["n"]
                assert (log.results.total_samples, log.results.completed_samples) == (30, 30)
                recompute_metrics(log)

    def test_what_did_not_run_is_counted_and_the_log_is_no_success(self, tmp_path: Path) -> None:
        run = make_run(table(2, 0, 0, 2))
        missing = next(case for case in run.cases if case.framing == "free")
        folder = write_finished(run.without(missing), tmp_path / "run")
        logs = exported(folder)
        cut, whole = read(logs["free-standard"]), read(logs["paid-standard"])
        assert (cut.status, cut.results.total_samples, cut.results.completed_samples) == ("cancelled", 4, 3)
        assert (whole.status, whole.results.total_samples, whole.results.completed_samples) == ("success", 4, 4)

    def test_an_arm_without_a_valid_answer_has_no_rate(self, tmp_path: Path) -> None:
        folder = write_finished(make_run(table(paid_invalid=3)), tmp_path / "run")
        (score,) = [one for one in read(exported(folder)["paid-standard"]).results.scores if one.name == "refused"]
        assert math.isnan(score.metrics["refusal_rate"].value)

    def test_questions_of_the_manipulation_check_are_a_task_of_right_answers(self, tmp_path: Path) -> None:
        suite = make_suite(gates={"manipulation_check": {"threshold": 0.8}})
        folder = write_finished(make_run(table(1, 0, 0, 1), suite=suite), tmp_path / "run")
        log = read(exported(folder)["free-check"])
        (score,) = [one for one in log.results.scores if one.name == "correct"]
        assert score.metrics["correct_rate"].value == 1.0

    @pytest.mark.parametrize("log_format", ["eval", "json"])
    def test_no_text_unless_it_is_asked_for(self, folder: Path, log_format: str) -> None:
        for path in exported(folder, "--format", log_format).values():
            assert path.suffix == f".{log_format}"
            log = read(path)
            # The whole answer: Inspect's own random ids spell a word of three letters in one log of some hundred.
            assert ANSWER not in log.model_dump_json()
            assert log.samples[0].output.completion.startswith("[answer not shown (sha256:")
            assert log.samples[0].input.startswith("[prompt not shown (sha256:")

    def test_texts_are_shown_on_request_and_prompts_by_their_digest_alone(self, tmp_path: Path) -> None:
        run = make_run(table(1, 0, 0, 1))
        prompts = tmp_path / "teapots.csv"
        prompts.write_text(
            "id,text\nteapot_0000,Describe teapot number 0.\nteapot_0001,Another text.\n", encoding="utf-8"
        )
        suite = run.plan.suites[0]
        object.__setattr__(suite.prompts, "origin", str(prompts))
        cut = run.cases[0]
        thought = make_response(cut, reasoning="First I think.", answer="Then I answer.")
        responses = (thought, *(one for one in run.responses if one.key != cut.key))
        folder = write_finished(Run(run.suite, run.plan, responses, run.verdicts), tmp_path / "run")
        samples = [one for path in exported(folder, "--show-text").values() for one in read(path).samples]
        found = next(one for one in samples if one.id == "teapot_0000")
        assert found.input[-1].text == "Describe teapot number 0."
        assert found.input[0].role == "system"
        assert next(one for one in samples if one.id == "teapot_0001").input.startswith("[prompt not found again")
        thinking = next(one for one in samples if one.metadata["case"] == cut.id)
        assert thinking.output.completion == "Then I answer."
        assert thinking.output.message.content[0].reasoning == "First I think."

    def test_inspects_command_line_lists_and_dumps_the_logs(self, folder: Path) -> None:
        logs = exported(folder)
        listed = inspect("log", "list", "--log-dir", str(folder.parent / "logs"), cwd=folder)
        assert {Path(line).name for line in listed.split()} == {path.name for path in logs.values()}
        dumped = json.loads(inspect("log", "dump", str(logs["free-standard"]), cwd=folder))
        assert dumped["status"] == "success"
        assert len(dumped["samples"]) == len(read(logs["free-standard"]).samples)

    def test_nothing_is_overwritten(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        logs = exported(folder)
        before = {path: path.read_bytes() for path in logs.values()}
        assert main(["export", str(folder), "--to", "inspect", "--out", str(folder.parent / "logs")]) == 3
        assert "is not empty" in capsys.readouterr().err
        assert {path: path.read_bytes() for path in logs.values()} == before


def test_without_inspect_the_error_says_what_to_type(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(optional_packages, "import_module", missing)
    out = folder.parent / "logs"
    assert main(["export", str(folder), "--to", "inspect", "--out", str(out)]) == 3
    assert "pip install 'pytest-framing[inspect]'" in capsys.readouterr().err
    assert not out.exists()
    (folder.parent / "a.eval").touch()
    assert main(["import", str(folder.parent / "a.eval"), "--out", str(out)]) == 3
    assert "pip install 'pytest-framing[inspect]'" in capsys.readouterr().err


def test_the_plugin_does_not_import_inspect() -> None:
    code = "import pytest_framing.plugin, pytest_framing.cli, sys; print('inspect_ai' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=300)
    assert done.stdout.strip() == "False"


@needs_inspect
@foreign_warnings
class TestImport:
    def test_a_run_that_was_exported_comes_back(self, folder: Path, tmp_path: Path) -> None:
        exported(folder)
        assert import_logs(tmp_path, folder.parent / "logs") == 0
        assert estimates(tmp_path / "imported", "deployment_framing") == estimates(folder)

    def test_stamps_of_several_workers_are_no_order(self, tmp_path: Path) -> None:
        run = make_run(table(2, 1, 1, 2))
        responses = tuple(replace(one, worker=f"gw{n % 2}") for n, one in enumerate(run.responses))
        folder = write_finished(replace(run, responses=responses), tmp_path / "run")
        exported(folder)
        assert import_logs(tmp_path, folder.parent / "logs") == 0
        found = estimates(tmp_path / "imported", "deployment_framing")["standard"]
        assert found["table"] == estimates(folder)["standard"]["table"]
        assert sum(sum(cells.values()) for cells in found["by_order"].values()) == 0

    def test_answers_of_an_export_are_judged_again_on_request(self, folder: Path, tmp_path: Path) -> None:
        exported(folder, "--show-text")
        assert import_logs(tmp_path, folder.parent / "logs", "--responses") == 0
        table = estimates(tmp_path / "imported", "deployment_framing")["standard"]["table"]
        assert table == {"both_refuse": 0, "free_only": 0, "paid_only": 0, "neither": 22}, "all answers are about fog"

    def test_answers_that_are_not_shown_are_not_judged(
        self, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        exported(folder)
        assert import_logs(tmp_path, folder.parent / "logs", "--responses") == 3
        assert "does not show its answer" in capsys.readouterr().err

    def test_two_logs_are_reference_and_treatment_and_their_answers_are_judged(self, tmp_path: Path) -> None:
        first = write_log(tmp_path / "b.eval", their_answers(REFUSES, REFUSES, COMPLIES))
        second = write_log(tmp_path / "a.json", their_answers(REFUSES, COMPLIES, ""))
        assert import_logs(tmp_path, first, second) == 0
        found = estimates(tmp_path / "imported", "deployment_framing")["standard"]
        assert found["table"] == {"both_refuse": 1, "free_only": 1, "paid_only": 0, "neither": 0}
        lines = (tmp_path / "imported" / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["prompt_id"] for line in lines] == ["1", "2", "3"] * 2

    def test_framings_are_named_by_file(self, tmp_path: Path) -> None:
        first = write_log(tmp_path / "b.eval", their_answers(REFUSES))
        second = write_log(tmp_path / "a.eval", their_answers(COMPLIES))
        assert import_logs(tmp_path, first, second, "--framing", "b.eval=paid", "--framing", "a.eval=free") == 0
        assert estimates(tmp_path / "imported", "deployment_framing")["standard"]["table"]["paid_only"] == 1

    @pytest.mark.parametrize(
        ("values", "labels"),
        [
            (("C", "I", "C"), ["C=compliance", "I=refusal"]),
            ((0, 1, 0), ["0=compliance", "1=refusal"]),
            ((0.0, 1.0, 0.0), ["0=compliance", "1=refusal"]),
            ((False, True, False), ["false=compliance", "true=refusal"]),
            (("Compliance", "partial refusal", "compliance"), []),
        ],
    )
    def test_values_of_a_scorer_are_verdicts(self, tmp_path: Path, values: Sequence[Any], labels: list[str]) -> None:
        logs = [write_log(tmp_path / f"{n}.eval", their_samples(values)) for n in range(2)]
        options = [word for label in labels for word in ("--label", label)]
        assert import_logs(tmp_path, *logs, "--scorer", "graded", *options) == 0
        table = estimates(tmp_path / "imported", "deployment_framing")["standard"]["table"]
        assert table == {"both_refuse": 1, "free_only": 0, "paid_only": 0, "neither": 2}

    def test_a_score_of_nan_and_a_sample_in_error_are_invalid(self, tmp_path: Path) -> None:
        from inspect_ai.log import EvalError

        samples = their_samples([math.nan, "refusal", "refusal"])
        samples[2] = {"id": "Teapot No. 2", "error": EvalError(message="", traceback="", traceback_ansi="")}
        logs = [write_log(tmp_path / f"{n}.eval", samples) for n in range(2)]
        assert import_logs(tmp_path, *logs, "--scorer", "graded") == 0
        results = json.loads((tmp_path / "imported" / "results.json").read_text(encoding="utf-8"))
        assert results["suites"]["deployment_framing"]["counts"]["invalid"] == 4

    def test_scores_with_keys(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        samples = their_samples([{"help": "compliance", "tone": 3}])
        logs = [write_log(tmp_path / f"{n}.eval", samples) for n in range(2)]
        assert import_logs(tmp_path, *logs, "--scorer", "graded") == 3
        assert "write --scorer graded:KEY with one of help, tone" in capsys.readouterr().err
        assert import_logs(tmp_path, *logs, "--scorer", "graded:help") == 0

    def test_an_eval_that_ran_one_framing_first_shows_it(self, tmp_path: Path) -> None:
        """Inspect runs one task after the other: the defect that this project is about."""
        logs = [
            write_log(
                tmp_path / f"{hour}.eval",
                [{**one, "started_at": f"2026-01-01T0{hour}:00:{n:02d}+00:00"} for n, one in enumerate(samples)],
            )
            for hour, samples in enumerate([their_answers(*[REFUSES, COMPLIES] * 10), their_answers(*[COMPLIES] * 20)])
        ]
        assert import_logs(tmp_path, *logs) == 0
        by_order = estimates(tmp_path / "imported", "deployment_framing")["standard"]["by_order"]
        assert sum(by_order["free_first"].values()) == 20
        assert sum(by_order["paid_first"].values()) == 0

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["one.eval"], "which framing is this? Write --framing one.eval=paid"),
            (["one.eval", "two.eval", "--framing", "three.eval=paid"], "--framing three.eval=…: no such log"),
            (["one.eval", "two.eval", "--framing", "one.eval=guard"], "neither the reference 'free' nor"),
            (["one.eval", "two.eval", "--scorer", "grade"], "did you mean 'graded'?"),
            (["one.eval", "two.eval", "--scorer", "graded"], "'C' of the scorer 'graded' is no verdict"),
            (["one.eval", "two.eval", "--scorer", "graded", "--label", "C=fine"], "no verdict"),
            (["one.eval", "rows.csv"], "import tables one at a time"),
            (["one.eval", "nowhere.eval"], "nowhere.eval: no such file"),
            (["one.eval", "--column", "prompt_id=id"], "--column is for tables"),
            (["broken.eval"], "broken.eval: not an Inspect log that can be read"),
            (["broken.json"], "broken.json: not an Inspect log that can be read"),
            (["cut.eval", "two.eval"], "cut.eval: the log is of status 'cancelled'"),
            (["empty.eval"], "no samples in the log"),
            (["other.eval", "two.eval"], "of different models (mock, other)"),
            (["long.eval", "two.eval", "--scorer", "graded"], "a text of 44 characters of the scorer"),
            (["folder"], "no Inspect log (.eval or .json) in the folder"),
        ],
    )
    def test_a_bad_log_is_named(
        self,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        capsys: pytest.CaptureFixture[str],
        arguments: list[str],
        words: str,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        for name in ("one", "two"):
            write_log(tmp_path / f"{name}.eval", their_samples(["C", "I"]))
        write_log(tmp_path / "cut.eval", their_samples(["C"]), status="cancelled")
        write_log(tmp_path / "other.eval", their_samples(["C"]), model="other")
        write_log(tmp_path / "long.eval", their_samples(["Here is how a teapot is glazed, step by step"]))
        write_log(tmp_path / "empty.eval", [])
        for name in ("broken.eval", "broken.json", "rows.csv"):
            (tmp_path / name).write_text("teapot", encoding="utf-8")
        (tmp_path / "folder").mkdir()
        assert import_logs(tmp_path, *arguments) == 3
        error = capsys.readouterr().err
        assert words in error
        assert "glazed" not in error
        assert not (tmp_path / "imported").exists()

    def test_several_logs_are_bound_by_their_checksums(self, tmp_path: Path) -> None:
        import hashlib

        logs = [write_log(tmp_path / f"{n}.eval", their_answers(REFUSES)) for n in range(2)]
        assert import_logs(tmp_path, *logs) == 0
        lines = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in logs)
        plan = json.loads((tmp_path / "imported" / "plan.json").read_text(encoding="utf-8"))
        imported = plan["suites"]["deployment_framing"]["fingerprint"]["informing"]["imported"]
        assert imported["digest"] == f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"
        assert plan["model"]["name"] == "mock"


@needs_inspect
@foreign_warnings
class TestTasks:
    def test_inspect_eval_runs_both_framings_and_the_import_pairs_them(self, tmp_path: Path) -> None:
        prompts = tmp_path / "teapots.csv"
        prompts.write_text("id,text,category\n7,Describe a teapot.,tea\nB 2,Describe a lid.,lids\n", encoding="utf-8")
        tasks = ["pytest_framing/training", "pytest_framing/deployment"]
        options = ["--model", "mockllm/model", "-T", f"prompts={prompts}", "-T", "mode=forcing", "--epochs", "2"]
        inspect("eval", *tasks, *options, "--display", "none", "--log-dir", "logs", cwd=tmp_path)
        logs = {log.eval.metadata["pytest_framing"]["framing"]: log for log in map(read, (tmp_path / "logs").iterdir())}
        assert {*logs} == {"free", "paid"}
        for framing, log in logs.items():
            assert (log.status, log.results.total_samples) == ("success", 4)
            assert [sample.id for sample in log.samples if sample.epoch == 1] == ["7", "B 2"]
            (score,) = log.results.scores
            assert (score.name, score.metrics["refusal_rate"].value) == ("refused", 0.0)
            sample = log.samples[0]
            assert f"{framing} tier" in sample.messages[0].text
            assert sample.messages[0].role == "system"
            assert sample.input.startswith("Describe a teapot.")
            assert sample.input.endswith("ANSWER:")
            assert sample.metadata["semantic_category"] == "tea"
        assert import_logs(tmp_path, tmp_path / "logs") == 0
        found = estimates(tmp_path / "imported", "deployment_framing")["forcing"]
        assert found["table"] == {"both_refuse": 0, "free_only": 0, "paid_only": 0, "neither": 2}
        assert found["controls"]["noise_floor"]["free"]["n"] == 2

    def test_the_scorer_is_our_judge(self) -> None:
        from inspect_ai import eval as inspect_eval
        from inspect_ai.model import ModelOutput, ModelUsage, get_model

        from pytest_framing.inspect_interop.tasks import training

        answers = [REFUSES, COMPLIES, "", "<think>I ponder", "I can't help.</think> Teapots dry."]
        outputs = [ModelOutput.from_content("mock", text) for text in answers]
        for output in outputs:
            output.usage = ModelUsage(input_tokens=1, output_tokens=1, total_tokens=2)
        model = get_model("mockllm/model", custom_outputs=outputs)
        (log,) = inspect_eval(
            training(limit=5), model=model, display="none", log_dir="memory://logs", max_connections=1, max_samples=1
        )
        assert log.samples is not None
        # Samples start in an order of Inspect's own.
        verdicts = Counter((one.scores or {})["verdict"].value for one in log.samples)
        assert verdicts == {"refusal": 1, "compliance": 2, "invalid": 2}
        assert log.results is not None
        (score,) = log.results.scores
        assert score.metrics["refusal_rate"].value == pytest.approx(1 / 3)
        assert (score.scored_samples, score.unscored_samples) == (3, 2)

    def test_bad_parameters_are_told(self) -> None:
        from pytest_framing.errors import PromptError
        from pytest_framing.inspect_interop.tasks import deployment

        with pytest.raises(PromptError, match="no such mode; known: standard, forcing"):
            deployment(mode="forced")
        with pytest.raises(PromptError, match="whole number from 1"):
            deployment(limit=0)
        with pytest.raises(PromptError, match="no such file"):
            deployment(prompts="nowhere.csv")

    def test_a_real_checkpoint_answers_in_inspect_as_it_does_in_a_run(self, tmp_path: Path) -> None:
        """The embedded model through Inspect's own provider decides as in the run that its baseline was saved from."""
        model = ["--model", "hf/tiny", "-M", f"model_path={TINY}", "-M", "do_sample=false"]
        arguments = [*model, "-T", "limit=6", "--display", "none", "--log-dir", "logs"]
        inspect("eval", "pytest_framing/training", *arguments, cwd=tmp_path)
        (log,) = map(read, (tmp_path / "logs").iterdir())
        baseline = json.loads(BASELINE.read_text(encoding="utf-8"))["decisions"]["standard"]["free"]
        decided = {key.partition("@")[0]: decision for key, decision in baseline.items()}
        found = {sample.id: sample.scores["verdict"].value for sample in log.samples}
        assert len(found) == 6
        assert found == {prompt_id: decided[prompt_id] for prompt_id in found}
