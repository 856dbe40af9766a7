from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.errors import BaselineError
from pytest_framing.fingerprint import DECIDING
from pytest_framing.models.registry import resolve_model
from pytest_framing.published import (
    PublishedBaseline,
    differing_protocol,
    fewest_changes,
    load_all_published,
    load_published,
    shared_prompts,
)
from pytest_framing.stats.contradiction import between_protocol_min_changed, paper_table_solve
from pytest_framing.stats.paired import mcnemar

BASELINES = Path(__file__).parents[2] / "baselines"
SHIPPED = {one.path.stem: one for one in load_all_published(BASELINES)}


def shipped(name: str) -> PublishedBaseline:
    return SHIPPED[name]


def document(**changes: Any) -> dict[str, Any]:
    """Write a small study of teapots, with what a test changes in it."""
    return {
        "schema_version": 1,
        "kind": "published",
        "study": "teapots",
        "run": "pilot",
        "source": {
            "authors": ["A. Kettle"],
            "title": "On Teapots",
            "year": 2026,
            "identifier": "none",
            "where": "table 1",
        },
        "suite": "teapots",
        "model": "paper",
        "registry_name": None,
        "prompts": {"source": "nonsense", "count": 10, "which": "the first ten", "first": 1, "last": 10},
        "settings": {"quantization": "none"},
        "not_stated": ["dtype", "judge"],
        "estimates": {
            "standard": {
                "arms": {"free": arm(10, 4), "paid": arm(10, 3)},
                "table": {"both_refuse": 2, "free_only": 2, "paid_only": 1, "neither": 5},
            }
        },
        **changes,
    }


def arm(n: int, refusals: int) -> dict[str, Any]:
    return {"n": n, "refusals": refusals, "rate": refusals / n}


def estimates(**changes: Any) -> dict[str, Any]:
    standard = document()["estimates"]["standard"]
    return document(estimates={"standard": {**standard, **changes}})


def load(folder: Path, content: dict[str, Any]) -> PublishedBaseline:
    path = folder / "teapots.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return load_published(path)


def error_of(folder: Path, content: dict[str, Any]) -> str:
    with pytest.raises(BaselineError) as caught:
        load(folder, content)
    return str(caught.value).removeprefix(f"{folder / 'teapots.json'}: ")


def test_a_published_result_is_read(tmp_path: Path) -> None:
    published = load(tmp_path, document())
    assert (published.study, published.run, published.suite, published.model) == (
        "teapots",
        "pilot",
        "teapots",
        "paper",
    )
    assert published.estimates["standard"].arms["free"].refusals == 4
    assert published.citation == "A. Kettle, On Teapots (2026), none"


def test_whatever_the_source_does_not_state_is_not_stated(tmp_path: Path) -> None:
    # A field that became deciding after the file was written included.
    assert load(tmp_path, document()).not_stated == tuple(name for name in DECIDING if name != "quantization")


def test_text_that_is_no_json_is_named_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "teapots.json"
    path.write_text('{\n"schema_version": 1,,\n}')
    with pytest.raises(BaselineError, match=r"teapots\.json:2: not JSON"):
        load_published(path)


def test_another_version_says_which_one_is_read(tmp_path: Path) -> None:
    assert error_of(tmp_path, document(schema_version=2)) == (
        "schema version 2, but this version of pytest-framing reads published results of version 1"
    )


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (document(prompt_texts=["whistle"]), "prompt_texts: Extra inputs are not permitted"),
        (document(kind="baseline"), "kind: Input should be 'published'"),
        (document(model=7), "model: Input should be a valid string"),
        (estimates(tables={}), "estimates.standard.tables: Extra inputs are not permitted"),
        (estimates(arms={"free": arm(10, 4) | {"n": "10"}}), "estimates.standard.arms.free.n: Input should be a valid"),
        (estimates(arms={"free": {"n": 10, "refusals": 4}}), "estimates.standard.arms.free.rate: Field required"),
        (estimates(arms={"free": arm(10, -1)}), "estimates.standard.arms.free.refusals: Input should be greater"),
    ],
)
def test_keys_and_values_that_do_not_belong_are_named(content: dict[str, Any], place: str, tmp_path: Path) -> None:
    assert error_of(tmp_path, content).startswith(place)


TABLE = {"both_refuse": 2, "free_only": 2, "paid_only": 1, "neither": 5}
COMPOSITION = {"class": "dilution", "form": "logit P = b0 + b1 harmful + b2 benign"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            estimates(arms={"free": arm(10, 11) | {"rate": 1.0}}, table=None),
            "estimates.standard.arms.free: 11 refusals of 10 prompts",
        ),
        (
            estimates(arms={"free": arm(10, 4) | {"rate": 0.5}}, table=None),
            "estimates.standard.arms.free.rate: 0.5 is not the rate of 4 refusals of 10 prompts",
        ),
        (
            estimates(table={**TABLE, "neither": 6}),
            "estimates.standard.table: its cells sum to 11, the arm 'free' has 10 prompts",
        ),
        (
            estimates(table={**TABLE, "paid_only": 2, "neither": 4}),
            "estimates.standard.table: its cells have 4 refusals under 'paid', the arm has 3",
        ),
        (
            estimates(arms={"free": arm(10, 4)}),
            "estimates.standard.table: a table of pairs needs the arm 'paid'",
        ),
        (
            estimates(composition={**COMPOSITION, "benign": 0.2}),
            "estimates.standard.composition.class: a benign coefficient of 0.2 is no dilution",
        ),
        (
            document(prompts={**document()["prompts"], "last": 11}),
            "prompts: 1 to 11 are not 10 prompts",
        ),
        (
            document(prompts={**document()["prompts"], "last": None}),
            "prompts: first and last go together",
        ),
        (
            document(source={**document()["source"], "second_hand": True}),
            "source.summarised_by: second-hand figures name where they were read, and only they do",
        ),
    ],
)
def test_figures_that_contradict_each_other_are_named(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert error_of(tmp_path, content) == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            document(settings={"quantisation": "4-bit"}),
            "settings: 'quantisation' is no deciding field; did you mean 'quantization'?",
        ),
        (document(not_stated=["judges"]), "not_stated: 'judges' is no deciding field; did you mean 'judge'?"),
        (
            document(not_stated=["quantization"]),
            "not_stated.quantization: stands under settings too; a source states a field or it does not",
        ),
        (document(not_stated=["judge", "judge"]), "not_stated.judge: stands there more than once"),
    ],
)
def test_settings_are_deciding_fields_stated_or_not(content: dict[str, Any], message: str, tmp_path: Path) -> None:
    assert error_of(tmp_path, content) == message


def test_the_protocols_are_told_field_by_field(tmp_path: Path) -> None:
    published = load(tmp_path, document(settings={"quantization": "4-bit", "decoding": {"max_new_tokens": 128}}))
    lines = differing_protocol(
        published, {"quantization": "none", "decoding": {"max_new_tokens": 1024}, "judge": "rules"}
    )
    assert len(lines) == 1 + len(DECIDING)
    assert "quantization: the source states 4-bit; this run uses none" in lines
    assert "decoding: the source states max_new_tokens: 128; this run uses max_new_tokens: 1024" in lines
    assert "judge: the source does not state it; this run uses rules" in lines
    assert "dtype: the source does not state it; this run uses nothing under that name" in lines


def test_a_published_result_shares_no_protocol_even_where_every_word_agrees(tmp_path: Path) -> None:
    words = dict.fromkeys(DECIDING, "the same words")
    lines = differing_protocol(load(tmp_path, document(settings=words, not_stated=[])), words)
    assert "never shares it" in lines[0]
    assert len(lines) == 1 + len(DECIDING)


def test_second_hand_settings_are_told_as_such() -> None:
    published = shipped("dai2026-gpt-oss-20b-main")
    assert published.citation.endswith("second-hand")
    judge = next(line for line in differing_protocol(published, {"judge": "rules"}) if line.startswith("judge"))
    assert judge.startswith("judge: the source as summarised by others states WildGuard")


def test_a_setting_of_any_length_stays_one_short_line(tmp_path: Path) -> None:
    published = load(tmp_path, document())
    lines = differing_protocol(published, {"framings": {"reference": {"message": "whistle " * 100}}})
    assert max(map(len, lines)) < 400


@pytest.mark.parametrize(
    ("model", "expected"), [("qwen", {"free": 85, "paid": 90}), ("deepseek", {"free": 32, "paid": 18})]
)
def test_the_study_contradicts_itself_on_the_prompts_that_its_runs_share(model: str, expected: dict[str, int]) -> None:
    pilot, replication = shipped(f"babu2026-{model}-pilot"), shipped(f"babu2026-{model}-replication")
    assert shared_prompts(pilot, replication) == 200
    assert fewest_changes(pilot, replication) == {"standard": expected}
    assert fewest_changes(replication, pilot) == {"standard": expected}
    for framing, changed in expected.items():
        first, second = (one.estimates["standard"].arms[framing].refusals for one in (pilot, replication))
        assert between_protocol_min_changed(first, second, extra=200) == changed


def test_results_on_different_prompts_contradict_nothing(tmp_path: Path) -> None:
    later = document(prompts={**document()["prompts"], "first": 11, "last": 20})
    other = document(prompts={**document()["prompts"], "source": "elsewhere"})
    for second in (later, other):
        published = load(tmp_path, document()), load(tmp_path, second)
        assert shared_prompts(*published) == 0
        assert fewest_changes(*published) == {"standard": {"free": 0, "paid": 0}}


def test_models_that_differ_are_not_held_against_each_other() -> None:
    with pytest.raises(BaselineError, match="cannot contradict those on DeepSeek-R1-Distill-Llama-8B"):
        fewest_changes(shipped("babu2026-deepseek-pilot"), shipped("babu2026-qwen-replication"))


def test_an_unknown_overlap_is_no_overlap_of_zero(tmp_path: Path) -> None:
    unplaced = document(prompts={"source": "nonsense", "count": 10, "which": "ten of them"})
    with pytest.raises(BaselineError, match=r"prompts: which of them were asked is not told by position"):
        fewest_changes(load(tmp_path, document()), load(tmp_path, unplaced))
    with pytest.raises(
        BaselineError, match=r"estimates\.standard\.arms\.free: 9 of 10 prompts; which ones is not told"
    ):
        fewest_changes(load(tmp_path, document()), load(tmp_path, estimates(arms={"free": arm(9, 4)}, table=None)))


def test_the_shipped_files_are_named_by_study_model_and_run() -> None:
    assert {published.suite for published in SHIPPED.values()} == {"deployment_framing", "mixed_demonstrations"}
    for stem, published in SHIPPED.items():
        name = published.registry_name or published.model.lower()
        assert stem == f"{published.study}-{name}-{published.run}"
        if published.registry_name is not None:
            assert resolve_model(published.registry_name).location.endswith(published.model)


@pytest.mark.parametrize("stem", [stem for stem in SHIPPED if stem.startswith("babu2026")])
def test_the_study_s_tables_are_the_only_ones_that_fit_what_it_prints(stem: str) -> None:
    estimate = shipped(stem).estimates["standard"]
    free, paid = estimate.arms["free"], estimate.arms["paid"]
    assert estimate.printed is not None
    p, statistic = estimate.printed.p, estimate.printed.statistic
    # What is printed as 0.021 has three decimals, all else two; flips in per cent narrow the replication down.
    printed_flips = 2.3 if stem == "babu2026-qwen-replication" else None
    flips = range(28, 31) if stem == "babu2026-qwen-pilot" else None
    found = paper_table_solve(
        free.n,
        free.refusals,
        paid.refusals,
        p,
        flips=flips,
        flips_percent=printed_flips,
        p_decimals=3 if p == 0.021 else 2,
    )
    if estimate.table is None:
        assert found == ()
        return
    table = estimate.table
    assert [one[:4] for one in found] == [(table.both_refuse, table.free_only, table.paid_only, table.neither)]
    if statistic is not None:
        assert mcnemar(table.paid_only, table.free_only).corrected_statistic == pytest.approx(statistic, abs=0.005)


def test_second_hand_coefficients_have_the_sign_of_their_class_and_no_invented_partner() -> None:
    effects = {}
    for stem, published in SHIPPED.items():
        composition = published.estimates["standard"].composition
        if composition is None:
            continue
        assert published.source.second_hand
        assert published.source.summarised_by
        assert composition.harmful is None
        # On the scale of logarithms, unlike this project's own regression.
        assert "log(benign + 1)" in composition.form
        effects[stem.removeprefix("dai2026-").rpartition("-")[0]] = composition.effect
    assert effects == {
        "gemma-4-31b-it": "dilution",
        "gpt-oss-20b": "amplification",
        "llama-3.1-8b-instruct": "dilution",
        "olmo-3.1-32b-dpo": "none",
        "olmo-3.1-32b-instruct": "none",
        "olmo-3.1-32b-sft": "amplification",
    }
