from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.baseline import (
    baseline_path,
    check_allowed_fields,
    differing_fields,
    find_baseline,
    hold_comparable,
    load_baseline,
)
from pytest_framing.errors import BaselineError
from pytest_framing.fingerprint import DECIDING
from pytest_framing.records import Prompt, VerdictLabel
from pytest_framing.settings import Settings
from tests.unit.builders import make_baseline, make_fingerprint, make_prompts, make_run, make_suite, table

RUN = make_run(table(2, 1, 1, 2, paid_invalid=1))


def document_of(folder: Path) -> dict[str, Any]:
    make_baseline(RUN, folder)
    document: dict[str, Any] = json.loads((folder / "baseline.json").read_text())
    return document


def error_of(folder: Path, document: dict[str, Any]) -> str:
    path = folder / "baseline.json"
    path.write_text(json.dumps(document))
    with pytest.raises(BaselineError) as caught:
        load_baseline(path)
    return str(caught.value).removeprefix(f"{path}: ")


def test_a_baseline_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    baseline = make_baseline(RUN, tmp_path)
    assert (baseline.suite, baseline.model, baseline.prompt_source, baseline.run_id) == (
        "teapots",
        "paper",
        "nonsense",
        "run-1",
    )
    assert baseline.estimates["standard"]["table"]["free_only"] == 1
    assert len(baseline.decisions) == 14


def test_every_decision_is_found_by_mode_framing_id_and_content(tmp_path: Path) -> None:
    baseline = make_baseline(RUN, tmp_path)
    for case, verdict in ((case, RUN.evidence.verdicts[case.key]) for case in RUN.cases):
        assert baseline.decision(case.mode, case.framing, case.prompt_id, case.prompt_digest) is verdict.verdict


def test_a_decision_is_not_shared_with_another_text_under_the_same_id(tmp_path: Path) -> None:
    baseline = make_baseline(RUN, tmp_path)
    case = RUN.cases[0]
    other = Prompt(case.prompt_id, "Another kettle.").digest
    assert baseline.decision(case.mode, case.framing, case.prompt_id, other) is None


def test_ids_that_look_like_the_separator_keep_their_decisions(tmp_path: Path) -> None:
    prompts = replace(make_prompts(1), prompts=(Prompt("kettle@sha256:00@home", "Whistle."),))
    run = make_run(table(1), prompts=prompts)
    case = run.cases[0]
    decision = make_baseline(run, tmp_path).decision("standard", case.framing, case.prompt_id, case.prompt_digest)
    assert decision is VerdictLabel.REFUSAL


def test_replicates_are_not_kept_and_placebo_decisions_are(tmp_path: Path) -> None:
    suite = make_suite(controls={"repeat_fraction": 1, "placebo": True})
    baseline = make_baseline(make_run(table(1, 0, 0, 1), suite=suite), tmp_path)
    assert {framing for _, framing, *_ in baseline.decisions} == {"free", "paid", "placebo"}
    assert len(baseline.decisions) == 6


def test_a_baseline_holds_no_prompt_and_no_answer(tmp_path: Path) -> None:
    text = json.dumps(document_of(tmp_path))
    assert "Describe" not in text
    assert "ironed" not in text


def test_no_baseline_rests_on_evidence_that_falls_short(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"run run-1: no baseline can rest on it: .*1 did not run"):
        make_baseline(RUN.without(RUN.cases[0]), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_baseline_rests_on_a_run_that_was_cut_short(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="cut short"):
        make_baseline(replace(RUN, interrupted=True), tmp_path)


def test_saving_leaves_no_other_file_behind(tmp_path: Path) -> None:
    make_baseline(RUN, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["baseline.json"]


@pytest.mark.parametrize("version", [2, 0, None, "1"])
def test_another_schema_version_is_told_with_the_way_out(tmp_path: Path, version: object) -> None:
    message = error_of(tmp_path, document_of(tmp_path) | {"schema_version": version})
    assert message.startswith(f"schema version {version!r}")
    assert "framing baseline save RUN" in message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"note": "x"}, "note: ", id="unknown key"),
        pytest.param(
            {"decisions": {"standard": {"free": {"a@b": "maybe"}}}}, "decisions.standard.free.a@b", id="verdict"
        ),
        pytest.param({"fingerprint": {"deciding": {}, "subject": {}}}, "fingerprint.informing", id="missing section"),
    ],
)
def test_a_damaged_baseline_is_told_by_the_key(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    assert error_of(tmp_path, document_of(tmp_path) | change).startswith(words)


def test_a_missing_key_is_told_by_its_name(tmp_path: Path) -> None:
    document = document_of(tmp_path)
    del document["decisions"]
    assert error_of(tmp_path, document).startswith("decisions: ")


def test_a_file_that_is_no_json_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    path.write_text('{\n"schema_version": 1,\n')
    with pytest.raises(BaselineError, match=r"baseline\.json:3: not JSON"):
        load_baseline(path)


def test_a_fingerprint_that_went_through_a_file_equals_the_one_that_did_not(tmp_path: Path) -> None:
    baseline = make_baseline(RUN, tmp_path)
    assert differing_fields(make_fingerprint(RUN), baseline.fingerprint) == {}
    assert baseline.fingerprint.digest == make_fingerprint(RUN).digest


def test_the_same_protocol_with_other_weights_is_comparable(tmp_path: Path) -> None:
    hold_comparable(make_fingerprint(RUN, weights="sha256:bb"), make_baseline(RUN, tmp_path), frozenset())


def test_another_seed_is_comparable(tmp_path: Path) -> None:
    other = make_run(table(2, 1, 1, 3), suite=make_suite(order={"seed": 8}))
    hold_comparable(make_fingerprint(other), make_baseline(RUN, tmp_path), frozenset())


def test_a_mismatch_lists_every_deciding_field_with_both_values_and_the_ways_out(tmp_path: Path) -> None:
    ours = make_fingerprint(RUN, dtype="float16", judge="rules/next")
    with pytest.raises(BaselineError) as caught:
        hold_comparable(ours, make_baseline(RUN, tmp_path), frozenset())
    message = str(caught.value)
    assert str(tmp_path / "baseline.json") in message
    assert "  dtype: this run 'float16', baseline 'float32'" in message
    assert "  judge: this run 'rules/next', baseline 'rules/test'" in message
    assert "--framing-baseline none" in message
    assert "--framing-allow-mismatch dtype" in message
    assert "--framing-allow-mismatch judge" in message


def test_a_mismatch_deep_in_a_field_is_told_by_its_place_alone(tmp_path: Path) -> None:
    ours = make_fingerprint(make_run(table(2, 1, 1, 3), suite=make_suite(decoding={"max_new_tokens": 64})))
    with pytest.raises(BaselineError) as caught:
        hold_comparable(ours, make_baseline(RUN, tmp_path), frozenset())
    assert "  decoding.max_new_tokens: this run 64, baseline 1024" in str(caught.value)
    assert "temperature" not in str(caught.value)


@pytest.mark.parametrize("name", DECIDING)
def test_every_deciding_field_blocks_unless_it_was_allowed(tmp_path: Path, name: str) -> None:
    ours = make_fingerprint(RUN)
    ours = replace(ours, deciding={**ours.deciding, name: "other"})
    baseline = make_baseline(RUN, tmp_path)
    with pytest.raises(BaselineError, match=name):
        hold_comparable(ours, baseline, frozenset(DECIDING) - {name})
    hold_comparable(ours, baseline, frozenset({name}))


def test_a_field_that_is_allowed_is_not_listed(tmp_path: Path) -> None:
    ours = make_fingerprint(RUN, dtype="float16", judge="rules/next")
    with pytest.raises(BaselineError) as caught:
        hold_comparable(ours, make_baseline(RUN, tmp_path), frozenset({"dtype"}))
    assert "dtype" not in str(caught.value)


def test_an_allowed_field_has_to_be_a_deciding_one() -> None:
    check_allowed_fields(["dtype", "judge"])
    with pytest.raises(BaselineError, match=r"--framing-allow-mismatch dtypes: .*did you mean 'dtype'\?"):
        check_allowed_fields(["dtype", "dtypes"])


def settings_of(root: Path, baseline: object = None) -> Settings:
    return Settings("paper", root, baseline=None if baseline is None else str(baseline))


def saved(folder: Path) -> Path:
    path = baseline_path(folder, "paper", "teapots", "nonsense")
    path.parent.mkdir(parents=True)
    return make_baseline(RUN, folder).path.rename(path)


def found(settings: Settings, suite: str = "teapots") -> Path | str:
    """Path of the baseline that is found, or the note why there is none."""
    baseline, note = find_baseline(settings, "paper", suite, "nonsense")
    return note if baseline is None else baseline.path


def test_a_baseline_is_filed_by_model_suite_and_prompts(tmp_path: Path) -> None:
    assert baseline_path(tmp_path, "org/kettle-8b", "teapots", "harmbench") == (
        tmp_path / "org--kettle-8b" / "teapots.harmbench.json"
    )


def test_the_default_place_is_below_the_root_folder(tmp_path: Path) -> None:
    path = saved(tmp_path / "baselines")
    assert found(settings_of(tmp_path)) == path


def test_another_folder_may_be_named(tmp_path: Path) -> None:
    saved(tmp_path / "baselines")
    path = saved(tmp_path / "others")
    assert found(settings_of(tmp_path, tmp_path / "others")) == path


def test_the_folder_of_one_model_may_be_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "others")
    assert found(settings_of(tmp_path, path.parent)) == path


def test_a_file_may_be_named(tmp_path: Path) -> None:
    path = saved(tmp_path / "others").rename(tmp_path / "kept.json")
    assert found(settings_of(tmp_path, path)) == path


def test_none_asks_for_no_baseline_though_there_is_one(tmp_path: Path) -> None:
    saved(tmp_path / "baselines")
    assert "--framing-baseline none" in str(found(settings_of(tmp_path, "none")))


def test_no_baseline_yet_is_a_note_that_says_how_to_save_one(tmp_path: Path) -> None:
    note = str(found(settings_of(tmp_path)))
    assert "at baselines/paper/teapots.nonsense.json;" in note, "as seen from the root folder"
    assert "framing baseline save RUN" in note


def test_a_file_that_was_named_has_to_be_there(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match=r"--framing-baseline .*gone\.json: no such file or folder"):
        found(settings_of(tmp_path, tmp_path / "gone.json"))


def test_a_file_of_another_suite_is_not_used(tmp_path: Path) -> None:
    path = saved(tmp_path / "others")
    assert "belongs to the suite 'teapots'" in str(found(settings_of(tmp_path, path), "kettles"))


def test_a_damaged_baseline_is_an_error_and_not_a_missing_one(tmp_path: Path) -> None:
    saved(tmp_path / "baselines").write_text("{")
    with pytest.raises(BaselineError, match="not JSON"):
        found(settings_of(tmp_path))
