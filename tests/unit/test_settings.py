from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_framing.errors import SettingsError
from pytest_framing.settings import OPTIONS, Option, PromptChoice, Settings, did_you_mean, parse_settings

HERE, ROOT = Path("/work/here"), Path("/work")


def parse(**values: Any) -> Settings:
    """Parse options by the names that argparse stores them under, less the prefix."""

    def read(option: Option) -> Any:
        return values.get(option.dest.removeprefix("framing_"))

    settings = parse_settings(read, root=ROOT, invocation_dir=HERE)
    assert settings is not None
    return settings


def test_without_a_model_there_is_no_gate_run() -> None:
    assert parse_settings(lambda option: None, root=ROOT, invocation_dir=HERE) is None


def test_what_is_not_given_is_left_to_suite_and_model() -> None:
    assert parse(model="tiny") == Settings("tiny", ROOT)


@pytest.mark.parametrize("nothing", [None, "", [], False])
def test_an_empty_ini_value_is_no_value(nothing: object) -> None:
    assert parse(model="tiny", prompts=nothing, seed=nothing, release=nothing, out=nothing) == Settings("tiny", ROOT)


def test_paths_are_relative_to_where_pytest_was_called() -> None:
    settings = parse(model="tiny", checkpoint="step-1200", out="runs", baseline="kept.json", prompts=["a.csv"])
    assert (settings.checkpoint, settings.out) == (HERE / "step-1200", HERE / "runs")
    assert settings.baseline == str(HERE / "kept.json")
    assert settings.prompts == (PromptChoice("", str(HERE / "a.csv")),)


def test_a_tilde_is_the_home_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/kettle")
    assert parse(model="tiny", out="~/runs").out == Path("/home/kettle/runs")


def test_the_home_of_nobody_is_told_with_its_option() -> None:
    with pytest.raises(SettingsError, match="--framing-out"):
        parse(model="tiny", out="~nobody-of-this-name/runs")


def test_none_is_no_file_name() -> None:
    assert parse(model="tiny", baseline="none").baseline == "none"


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("xstest=x.csv", PromptChoice("xstest", str(HERE / "x.csv"))),
        ("/data/x.csv", PromptChoice("", "/data/x.csv")),
        ("hub:org/name@0", PromptChoice("", "hub:org/name@0")),
        ("xstest=hub:org/name@0", PromptChoice("xstest", "hub:org/name@0")),
        ("./a=b.csv", PromptChoice("", str(HERE / "a=b.csv"))),
        ("my_prompts=a=b.csv", PromptChoice("my_prompts", str(HERE / "a=b.csv"))),
        pytest.param("my-prompts=x.csv", PromptChoice("my-prompts", str(HERE / "x.csv"))),
    ],
)
def test_prompts_are_named_by_path_or_hub_for_all_or_for_one_source(text: str, choice: PromptChoice) -> None:
    assert parse(model="tiny", prompts=[text]).prompts == (choice,)


def test_prompts_may_be_given_several_times() -> None:
    assert [one.source for one in parse(model="tiny", prompts=["a=x", "y", "b=z"]).prompts] == ["a", "", "b"]


@pytest.mark.parametrize(("text", "seed"), [("0", 0), ("20260221", 20260221), ("9" * 18, 10**18 - 1)])
def test_a_seed_is_a_whole_number(text: str, seed: int) -> None:
    assert parse(model="tiny", seed=text).seed == seed


@pytest.mark.parametrize("text", ["-1", "1.5", "lucky", "1" * 19, " 7"])
def test_a_seed_that_is_none_is_told_with_its_option(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--framing-seed: .* is not a whole number"):
        parse(model="tiny", seed=text)


@pytest.mark.parametrize("option", [option for option in OPTIONS if option.choices], ids=lambda option: option.flag)
def test_a_choice_that_does_not_exist_is_told_with_those_that_do(option: Option) -> None:
    with pytest.raises(SettingsError) as caught:
        parse(model="tiny", **{option.dest.removeprefix("framing_"): "purple"})
    assert str(caught.value).startswith(f"{option.flag}: 'purple' is not one of ")
    assert all(choice in str(caught.value) for choice in option.choices)


def test_dtype_auto_leaves_the_choice_to_the_model() -> None:
    assert parse(model="tiny", dtype="auto").dtype is None
    assert parse(model="tiny", dtype="float16").dtype == "float16"


def test_flags_and_lists_are_kept() -> None:
    settings = parse(model="tiny", release=True, show_text=True)
    assert (settings.release, settings.show_text) == (True, True)
    allowing = parse(model="tiny", allow_mismatch=["dtype", "judge"])
    assert allowing.allow_mismatch == frozenset({"dtype", "judge"})


def test_settings_of_an_engine_are_kept_by_name() -> None:
    given = parse(model="tiny", engine_option=["timeout=30", "url=http://a/b?c=d"]).engine_option
    assert given == {"timeout": "30", "url": "http://a/b?c=d"}


@pytest.mark.parametrize(
    ("given", "message"), [(["timeout"], "expected NAME=VALUE"), (["a=1", "a=2"], "a: given twice")]
)
def test_a_setting_of_an_engine_without_a_value_or_with_two_is_refused(given: list[str], message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        parse(model="tiny", engine_option=given)


def test_every_option_has_help_and_a_name_of_its_own() -> None:
    assert len({option.dest for option in OPTIONS}) == len(OPTIONS)
    assert all(option.help for option in OPTIONS)
    assert all(
        option.flag.startswith("--framing-") for option in OPTIONS if option.flag not in ("--model", "--checkpoint")
    )


def test_every_option_ends_in_the_settings() -> None:
    fields = Settings.__dataclass_fields__.keys()
    assert {option.dest.removeprefix("framing_") for option in OPTIONS} <= fields


def test_what_shows_text_or_waives_a_check_has_to_be_typed_each_time() -> None:
    assert {option.flag for option in OPTIONS if not option.ini} >= {"--framing-show-text", "--framing-allow-mismatch"}


@pytest.mark.parametrize(
    ("word", "hint"), [("jugde", "did you mean 'judge'?"), ("xyz", "known: dtype, judge"), ("", "known: dtype, judge")]
)
def test_a_hint_names_the_nearest_or_all(word: str, hint: str) -> None:
    assert did_you_mean(word, ["judge", "dtype"]) == hint
