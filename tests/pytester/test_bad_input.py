"""Bad input: one clear error before anything is generated, exit code 4, no traceback, nothing left behind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_framing.models.registry import EMBEDDED

if TYPE_CHECKING:
    from tests.pytester.conftest import GateProject


def refused(project: GateProject, result: pytest.RunResult, *message: str) -> None:
    """Hold that the run ended as bad input has to end."""
    errors = result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert errors.count("ERROR: ") == 1
    for part in message:
        assert part in errors
    assert "Traceback" not in errors + result.stdout.str()
    assert project.wrote_nothing()


def test_unknown_model(project: GateProject) -> None:
    refused(project, project.run(model="tinny"), "--model tinny", "did you mean 'tiny'?")


def test_hub_model_that_cannot_be_fetched(project: GateProject) -> None:
    refused(project, project.run(model="nobody/nothing"), "nobody/nothing cannot be loaded", "name a local folder")


def test_unknown_gate(project: GateProject) -> None:
    project.write_suite(gates={"gap_contains_zerro": {}})
    refused(project, project.run(), "suite.yaml:", "unknown gate 'gap_contains_zerro'", "'gap_contains_zero'")


def test_unknown_key_of_a_gate(project: GateProject) -> None:
    project.write_suite(gates={"flip_rate": {"maximum": 0.1}})
    refused(project, project.run(), "suite.yaml:", "unknown key 'maximum'")


def test_limit_out_of_range(project: GateProject) -> None:
    project.write_suite(gates={"flip_rate": {"max": 5}})
    refused(project, project.run(), "suite.yaml:", "gates.flip_rate.max", "not 5")


def test_typo_in_yaml_names_file_and_line(project: GateProject) -> None:
    path = project.folder / "suite.yaml"
    path.write_text("suite: small\nframings: {reference: free, treatment: paid\ngates: {}\n", encoding="utf-8")
    refused(project, project.run(), f"{path}:3: not YAML")


def test_unknown_option_value(project: GateProject) -> None:
    result = project.run("--framing-quantization", "2bit")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "invalid choice: '2bit'" in result.stderr.str()
    assert project.wrote_nothing()


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--framing-engine", "transformer", "did you mean 'transformers'?"),
        ("--framing-judge", "rule", "did you mean 'rules'?"),
        ("--framing-profile", "smok", "no profile 'smok'"),
        ("--framing-seed", "-1", "not a whole number"),
        ("--framing-baseline", "nowhere.json", "no such file or folder"),
        ("--framing-allow-mismatch", "dtyp", "did you mean 'dtype'?"),
        ("--checkpoint", "nowhere", "no such folder"),
    ],
)
def test_unusable_option_values(project: GateProject, option: str, value: str, message: str) -> None:
    refused(project, project.run(f"{option}={value}"), option, message)


def test_a_release_run_allows_no_mismatch(project: GateProject) -> None:
    result = project.run("--framing-release", "--framing-allow-mismatch", "dtype")
    refused(project, result, "--framing-allow-mismatch: a release run", "allows no mismatch")


def test_a_release_run_takes_the_release_profile_alone(project: GateProject) -> None:
    project.write_suite(profiles={"smoke": {"limit": 3}})
    refused(project, project.run("--framing-release", "--framing-profile", "smoke"), "--framing-profile smoke")


def test_prompts_that_no_suite_reads(project: GateProject) -> None:
    (project.pytester.path / "mine.csv").write_text("id,text\na,b\n", encoding="utf-8")
    refused(project, project.run("--framing-prompts", "fil=mine.csv"), "no suite of this run reads the source 'fil'")


def test_a_named_baseline_that_fits_no_suite(project: GateProject) -> None:
    (project.pytester.path / "empty").mkdir()
    refused(project, project.run("--framing-baseline", "empty"), "no baseline for any suite of this run")


def test_a_csv_without_header_shows_no_prompt(project: GateProject) -> None:
    (project.pytester.path / "mine.csv").write_text("a1,Describe a gizmo to my aunt.\na2,Sell it.\n", encoding="utf-8")
    result = project.run("--framing-prompts", "file=mine.csv")
    refused(project, result, "is the header line missing?")
    assert "gizmo" not in result.stderr.str()


def test_a_path_that_does_not_exist_beside_one_that_does(project: GateProject) -> None:
    result = project.run("nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "file or directory not found: nowhere" in result.stderr.str()
    assert project.wrote_nothing()


def test_unusable_ini_value(project: GateProject) -> None:
    project.pytester.makeini("[pytest]\nframing_quantization = 2bit\n")
    refused(project, project.run(), "--framing-quantization: '2bit' is not one of none, 8bit, 4bit")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"id,category\na,b\n", "prompts.csv:1: no column with the prompt"),
        (b"id,text\na,one\na,two\n", "prompts.csv:3: id 'a' stands twice, first on line 2"),
        (b"", "prompts.csv: the file is empty"),
        (b"id,text\n", "prompts.csv: no prompts in the file"),
        (b"id,text\na,caf\xe9\n", "prompts.csv:2: not UTF-8"),
    ],
    ids=["no-column", "duplicate-ids", "empty", "header-only", "not-utf-8"],
)
def test_unusable_prompt_files(project: GateProject, content: bytes, message: str) -> None:
    (project.pytester.path / "prompts.csv").write_bytes(content)
    refused(project, project.run("--framing-prompts", "file=prompts.csv"), message)


def test_a_model_of_the_user_needs_harmbench(project: GateProject, tmp_path: Path) -> None:
    folder = shutil.copytree(EMBEDDED / "tiny", tmp_path / "mine")
    project.write_suite(prompts={"source": "harmbench"})
    refused(
        project,
        project.run(model=str(folder)),
        "HarmBench is not at hand",
        "--framing-prompts harmbench_behaviors_text_all.csv",
        "--framing-prompts hub:ORG/NAME@REVISION",
    )


def test_checkpoint_folder_without_tokenizer(project: GateProject, tmp_path: Path) -> None:
    folder = shutil.copytree(EMBEDDED / "tiny", tmp_path / "mine", ignore=shutil.ignore_patterns("tokenizer*"))
    refused(project, project.run(model=str(folder)), "no tokenizer")


def test_checkpoint_folder_with_a_pickle_only(project: GateProject, tmp_path: Path) -> None:
    folder = shutil.copytree(EMBEDDED / "tiny", tmp_path / "mine", ignore=shutil.ignore_patterns("*.safetensors"))
    (folder / "pytorch_model.bin").write_bytes(b"")
    refused(project, project.run(model=str(folder)), "weights only as pickle (pytorch_model.bin)")


def test_baseline_of_another_schema_version(project: GateProject) -> None:
    path = project.pytester.path / "old.json"
    path.write_text(json.dumps({"schema_version": 0}), encoding="utf-8")
    refused(project, project.run("--framing-baseline", "old.json"), "schema version 0", "framing baseline save RUN")


def test_output_folder_that_cannot_be_written(project: GateProject) -> None:
    blocked = project.pytester.path / "blocked"
    blocked.write_text("a file stands where the folder should be", encoding="utf-8")
    refused(project, project.run("--framing-out", "blocked"), "blocked", "choose another folder with --framing-out")


def test_no_suite_among_the_paths(project: GateProject) -> None:
    (project.folder / "suite.yaml").unlink()
    refused(project, project.run(), "no suite (a folder with suite.yaml) among the given paths")


def test_two_suites_of_one_name(project: GateProject) -> None:
    shutil.copytree(project.folder, project.pytester.path / "suites" / "again")
    refused(project, project.run(), "suite 'small' stands in")


def test_prompts_longer_than_the_models_window(project: GateProject) -> None:
    (project.folder / "prompts.jsonl").write_text(json.dumps({"id": "long", "text": "gizmo " * 2000}), encoding="utf-8")
    refused(project, project.run(), "1 prompts do not fit the model's window", "'long'", "nothing is ever cut silently")


def test_bad_input_under_xdist_is_one_error_as_well(project: GateProject) -> None:
    project.write_suite(gates={"gap": {}})
    refused(project, project.run_apart("-n", "2"), "unknown gate 'gap'")
