from __future__ import annotations

import itertools
import json
import random
from pathlib import Path
from typing import Any

import pytest

from pytest_framing.errors import PromptError
from pytest_framing.models.registry import ModelSpec
from pytest_framing.prompt_sources import LOCAL_PLACES, read_hub, resolve_prompts
from pytest_framing.records import PromptSet
from pytest_framing.settings import PromptChoice
from pytest_framing.suite import Suite
from tests.unit.builders import make_prompts, make_suite

EMBEDDED = ModelSpec("tiny", "/models/tiny", embedded=True)
LARGE = ModelSpec("kettle-8b", "org/kettle-8b")
COMMIT = "0123456789abcdef0123456789abcdef01234567"
HARMBENCH_HEADER = "Behavior,FunctionalCategory,SemanticCategory,Tags,ContextString,BehaviorID\n"


def write_csv(path: Path, name: str) -> Path:
    """Write one prompt whose id says where it was read from."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"id,text\n{name},Describe the {name}.\n")
    return path


def ids(prompts: PromptSet) -> list[str]:
    return [prompt.id for prompt in prompts.prompts]


def suite_of(source: str = "harmbench", **prompts: Any) -> Suite:
    return make_suite(prompts={"source": source, **prompts})


def test_a_named_choice_wins_over_a_plain_one(tmp_path: Path) -> None:
    plain = PromptChoice("", str(write_csv(tmp_path / "a.csv", "plain")))
    named = PromptChoice("harmbench", str(write_csv(tmp_path / "b.csv", "named")))
    assert ids(resolve_prompts(suite_of(), (plain, named), LARGE, tmp_path)) == ["named"]


def test_an_option_wins_over_plugin_suite_and_local_file(tmp_path: Path) -> None:
    write_csv(tmp_path / LOCAL_PLACES["harmbench"][0], "local")
    chosen = PromptChoice("", str(write_csv(tmp_path / "a.csv", "chosen")))
    suite = suite_of(path=str(write_csv(tmp_path / "own.csv", "own")))
    prompts = resolve_prompts(suite, (chosen,), LARGE, tmp_path, {"harmbench": lambda: make_prompts(1, "plugin")})
    assert ids(prompts) == ["chosen"]
    assert "--framing-prompts" in prompts.resolution


def test_a_plugin_wins_over_the_path_of_the_suite(tmp_path: Path) -> None:
    suite = suite_of(path=str(write_csv(tmp_path / "own.csv", "own")))
    prompts = resolve_prompts(suite, (), LARGE, tmp_path, {"harmbench": lambda: make_prompts(1, "plugin")})
    assert ids(prompts) == ["plugin_0000"]


def test_the_path_of_the_suite_is_relative_to_the_suite_and_wins_over_a_local_file(tmp_path: Path) -> None:
    write_csv(tmp_path / LOCAL_PLACES["harmbench"][0], "local")
    write_csv(tmp_path / "suites" / "own.csv", "own")
    suite = suite_of(path="own.csv").model_copy(update={"path": tmp_path / "suites" / "suite.yaml"})
    assert ids(resolve_prompts(suite, (), LARGE, tmp_path)) == ["own"]


@pytest.mark.parametrize("place", LOCAL_PLACES["harmbench"])
def test_harmbench_is_found_in_its_usual_places_before_the_synthetic_set_stands_in(tmp_path: Path, place: str) -> None:
    (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place).write_text(HARMBENCH_HEADER + "Whistle,standard,fog,,,whistle\n")
    prompts = resolve_prompts(suite_of(), (), EMBEDDED, tmp_path)
    assert (prompts.source, ids(prompts)) == ("harmbench", ["whistle"])


def test_the_synthetic_set_stands_in_for_harmbench_with_embedded_models(tmp_path: Path) -> None:
    prompts = resolve_prompts(suite_of(), (), EMBEDDED, tmp_path)
    assert (prompts.source, len(prompts.prompts)) == ("synthetic", 400)
    assert "stands in" in prompts.resolution


def test_other_models_never_get_the_synthetic_set_unasked_and_are_told_both_ways_to_get_harmbench(
    tmp_path: Path,
) -> None:
    with pytest.raises(PromptError) as caught:
        resolve_prompts(suite_of(), (), LARGE, tmp_path)
    message = str(caught.value)
    assert "--framing-prompts harmbench_behaviors_text_all.csv" in message
    assert "--framing-prompts hub:ORG/NAME@REVISION" in message
    assert "(or put it into data/)" in message, "as seen from the root folder"


def test_a_suite_may_ask_for_the_synthetic_set_whatever_the_model(tmp_path: Path) -> None:
    assert len(resolve_prompts(suite_of("synthetic"), (), LARGE, tmp_path).prompts) == 400


def test_synthetic_prompts_do_not_stand_in_for_other_sources(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match=r"--framing-prompts xstest=xstest_prompts\.csv"):
        resolve_prompts(suite_of("xstest"), (), EMBEDDED, tmp_path)


OR_BENCH = "prompt,category\nHow are kettles ironed?,fog\n"


def test_the_parts_of_or_bench_are_sources_of_their_own_and_one_never_stands_in_for_another(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "or-bench-hard-1k.csv").write_text(OR_BENCH, encoding="utf-8")
    with pytest.raises(PromptError, match="no prompts for the source 'orbench_toxic'"):
        resolve_prompts(suite_of("orbench_toxic"), (), LARGE, tmp_path)
    hard = resolve_prompts(suite_of("orbench_hard"), (), LARGE, tmp_path)
    assert (hard.source, hard.prompts[0].functional_category) == ("orbench_hard", "safe")
    (tmp_path / "mine.csv").write_text(OR_BENCH, encoding="utf-8")
    choice = PromptChoice("orbench_toxic", str(tmp_path / "mine.csv"))
    toxic = resolve_prompts(suite_of("orbench_toxic"), (choice,), LARGE, tmp_path)
    assert (toxic.source, toxic.prompts[0].functional_category) == ("orbench_toxic", "toxic")
    wrong = PromptChoice("orbench_toxic", str(tmp_path / "data" / "or-bench-hard-1k.csv"))
    with pytest.raises(PromptError, match=r"by its name another \(hard, toxic\)"):
        resolve_prompts(suite_of("orbench_toxic"), (wrong,), LARGE, tmp_path)


def test_a_choice_for_one_source_leaves_the_others_alone(tmp_path: Path) -> None:
    choice = PromptChoice("xstest", str(write_csv(tmp_path / "x.csv", "safe")))
    assert ids(resolve_prompts(suite_of("xstest"), (choice,), LARGE, tmp_path)) == ["safe"]
    with pytest.raises(PromptError, match="HarmBench is not at hand"):
        resolve_prompts(suite_of(), (choice,), LARGE, tmp_path)


def test_a_plain_choice_serves_harmbench_alone(tmp_path: Path) -> None:
    choice = PromptChoice("", str(write_csv(tmp_path / "a.csv", "plain")))
    with pytest.raises(PromptError, match="XSTest is not at hand"):
        resolve_prompts(suite_of("xstest"), (choice,), LARGE, tmp_path)


def test_two_places_for_one_source_are_ambiguous(tmp_path: Path) -> None:
    choices = (PromptChoice("", "a.csv"), PromptChoice("", "b.csv"))
    with pytest.raises(PromptError, match="names 2 places for the source 'harmbench'; give one"):
        resolve_prompts(suite_of(), choices, LARGE, tmp_path)


@pytest.mark.parametrize("location", ["hub:org/name", "hub:org/name@main", f"hub:org/name@{COMMIT[:39]}", "hub:@x"])
def test_a_hub_data_set_has_to_be_pinned_to_a_commit(tmp_path: Path, location: str) -> None:
    with pytest.raises(PromptError, match="40 hex digits") as caught:
        resolve_prompts(suite_of(), (PromptChoice("", location),), LARGE, tmp_path)
    assert location in str(caught.value)


def test_a_suite_that_names_a_hub_data_set_has_to_pin_it(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="40 hex digits"):
        resolve_prompts(suite_of(hub="org/name"), (), LARGE, tmp_path)


class Hub:
    """A hub on paper: it notes what was asked of it."""

    def __init__(self, **splits: list[dict[str, Any]]) -> None:
        self.splits = splits
        self.asked: tuple[Any, ...] = ()

    def __call__(self, name: str, config: str | None, *, revision: str) -> dict[str, list[dict[str, Any]]]:
        self.asked = (name, config, revision)
        return self.splits


def test_all_splits_of_a_hub_data_set_are_read_at_the_commit() -> None:
    hub = Hub(train=[{"id": "a", "text": "Whistle"}], test=[{"id": "b", "text": "Hum"}])
    prompts = read_hub("org/kettles", COMMIT, "small", resolution="asked for", load=hub)
    assert hub.asked == ("org/kettles", "small", COMMIT)
    assert ids(prompts) == ["a", "b"]
    assert (prompts.source, prompts.origin, prompts.revision) == ("kettles", "hub:org/kettles", COMMIT)


def test_an_id_that_stands_in_two_splits_is_an_error() -> None:
    hub = Hub(train=[{"id": "a", "text": "Whistle"}], test=[{"id": "a", "text": "Hum"}])
    with pytest.raises(PromptError, match="hub:org/kettles:2: id 'a' stands twice"):
        read_hub("org/kettles", COMMIT, resolution="", load=hub)


def test_an_empty_hub_data_set_is_an_error() -> None:
    with pytest.raises(PromptError, match="the data set is empty"):
        read_hub("org/kettles", COMMIT, resolution="", load=Hub(train=[]))


def test_a_hub_that_cannot_be_reached_leads_to_the_way_without_one() -> None:
    def load(*_: Any, **__: Any) -> Any:
        raise ConnectionError("no route\nto host")

    with pytest.raises(PromptError, match=r"ConnectionError: no route\).*--framing-prompts FILE\.csv"):
        read_hub("org/kettles", COMMIT, resolution="", load=load)


def test_a_hub_that_fails_without_a_word_is_an_error_all_the_same() -> None:
    def load(*_: Any, **__: Any) -> Any:
        raise TimeoutError

    with pytest.raises(PromptError, match="TimeoutError"):
        read_hub("org/kettles", COMMIT, resolution="", load=load)


def test_a_data_set_is_read_through_the_datasets_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "kettles"
    folder.mkdir()
    rows = [{"id": "a", "text": "Whistle", "context": "A kettle."}, {"id": "b", "text": "Hum", "context": None}]
    (folder / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    prompts = read_hub(str(folder), "main", resolution="a folder")
    assert [prompt.text for prompt in prompts.prompts] == ["A kettle.\n\n---\n\nWhistle", "Hum"]


def sample(folder: Path, limit: int | None, *, seed: int = 7, order: int | None = None, count: int = 60) -> list[str]:
    """Ids of a sample of prompts, from a file in the order that a seed shuffles it to."""
    rows = [f"p{n:03d},Describe fog {n}." for n in range(count)]
    if order is not None:
        random.Random(order).shuffle(rows)
    path = folder / "fog.csv"
    path.write_text("\n".join(["id,text", *rows]))
    suite = make_suite(order={"seed": seed}).model_copy(update={"limit": limit})
    return ids(resolve_prompts(suite, (PromptChoice("", str(path)),), LARGE, folder))


def test_a_sample_is_drawn_by_the_seed(tmp_path: Path) -> None:
    assert sample(tmp_path, 20) == sample(tmp_path, 20)
    assert set(sample(tmp_path, 20)) != set(sample(tmp_path, 20, seed=8))
    assert len(set(sample(tmp_path, 20))) == 20


def test_a_sample_does_not_depend_on_the_order_of_the_file_and_keeps_it(tmp_path: Path) -> None:
    plain, shuffled = sample(tmp_path, 20), sample(tmp_path, 20, order=3)
    assert set(plain) == set(shuffled)
    assert plain == sorted(plain) != shuffled


def test_a_limit_of_all_prompts_or_more_takes_all(tmp_path: Path) -> None:
    assert len(sample(tmp_path, None)) == len(sample(tmp_path, 60)) == len(sample(tmp_path, 99)) == 60


def test_a_larger_sample_holds_every_smaller_one(tmp_path: Path) -> None:
    samples = [set(sample(tmp_path, limit, count=400)) for limit in (5, 20, 50, 100, 200, 399)]
    assert all(smaller < larger for smaller, larger in itertools.pairwise(samples))
