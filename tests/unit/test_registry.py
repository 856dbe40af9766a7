from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_framing.engines.engine import EngineOptions
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import CheckpointError
from pytest_framing.framings import Message
from pytest_framing.models.registry import check_folder, registry, resolve_model, resolve_served_model

WHOLE = {
    "config.json": "{}",
    "tokenizer.json": "{}",
    "tokenizer_config.json": json.dumps({"chat_template": "{{ messages }}"}),
    "model.safetensors": "",
}


def make_folder(folder: Path, *without: str, **extra: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in (WHOLE | extra).items():
        if name not in without:
            (folder / name).write_text(content)
    return folder


def test_a_name_of_the_registry_brings_the_models_wishes() -> None:
    spec = resolve_model("deepseek")
    assert (spec.name, spec.location) == ("deepseek", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B")
    assert (spec.placement, spec.max_new_tokens, spec.embedded) == ("user", 4096, False)


@pytest.mark.parametrize("name", sorted(registry()))
def test_no_model_of_the_registry_runs_code_that_comes_with_it(name: str) -> None:
    assert not registry()[name].get("trust_remote_code", False)


@pytest.mark.parametrize("name", ["org/model", "org-2/Model_7B.v1"])
def test_a_hub_name_needs_no_entry(name: str) -> None:
    spec = resolve_model(name)
    assert (spec.name, spec.location, spec.folder, spec.trust_remote_code) == (name, name, None, False)


@pytest.mark.parametrize("name", ["gpt-4o", "qwen3:8b", "models/some.gguf", "org/model@main"])
def test_a_server_may_know_any_name(name: str) -> None:
    spec = resolve_served_model(name)
    assert (spec.name, spec.served, spec.folder) == (name, (name,), None)


@pytest.mark.parametrize("name", ["two words", "line\nbreak", "", "x" * 300])
def test_a_name_that_no_server_has_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="no name of a model on a server"):
        resolve_served_model(name)


@pytest.mark.parametrize("name", ["deepseek", "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"])
def test_what_the_registry_knows_of_a_model_holds_on_a_server_too(name: str) -> None:
    spec = resolve_served_model(name)
    assert (spec.name, spec.placement, spec.max_new_tokens) == (name, "user", 4096)
    assert spec.served[-1] == "deepseek-ai/DeepSeek-R1-Distill-Llama-8B"


@pytest.mark.parametrize("name", ["wildguard", "cais/HarmBench-Llama-2-13b-cls"])
def test_a_model_whose_whole_prompt_is_written_here_is_not_asked_of_a_server(name: str) -> None:
    with pytest.raises(CheckpointError, match=f"{name}: the whole text of its prompt is written here"):
        resolve_served_model(name)


def test_a_checkpoint_lends_a_served_model_its_tokenizer(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "step-1200")
    spec = resolve_served_model("some-model", folder)
    assert (spec.name, spec.served, spec.folder) == ("some-model", ("some-model",), folder)
    with pytest.raises(CheckpointError, match="no chat template"):
        resolve_served_model("some-model", make_folder(tmp_path / "bad", "tokenizer_config.json"))


def test_a_folder_is_a_model(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "step-1200")
    spec = resolve_model(str(folder))
    assert (spec.name, spec.location, spec.checkpoint) == ("step-1200", str(folder), str(folder))
    assert not spec.embedded


@pytest.mark.parametrize("name", ["tyni", "./no-such-folder", "a/b/c", "org/../x", ""])
def test_an_unknown_name_is_told_with_what_a_name_may_be(name: str) -> None:
    with pytest.raises(CheckpointError, match=r"not a name of the registry, not a folder, not a hub name"):
        resolve_model(name or "-")


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(CheckpointError, match=r"did you mean 'deepseek'\?"):
        resolve_model("deepsek")


def test_another_checkpoint_keeps_the_wishes_of_the_entry(tmp_path: Path) -> None:
    folder = make_folder(tmp_path / "step-1200")
    own, other = resolve_model("deepseek"), resolve_model("deepseek", folder)
    assert (other.location, other.checkpoint) == (str(folder), str(folder))
    assert other.name == own.name
    for wish in ("dtype", "placement", "batch_size", "max_new_tokens", "trust_remote_code", "embedded"):
        assert getattr(other, wish) == getattr(own, wish)


def test_another_checkpoint_is_not_of_the_entrys_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned = {"kettle": {"repository": "org/kettle", "revision": "0123abc"}}
    monkeypatch.setattr("pytest_framing.models.registry.registry", lambda: pinned)
    assert resolve_model("kettle").revision == "0123abc"
    assert resolve_model("kettle", make_folder(tmp_path / "step-1200")).revision is None


def test_a_checkpoint_that_is_no_folder_is_told_as_such(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"--checkpoint .*step-1200: no such folder"):
        resolve_model("deepseek", tmp_path / "step-1200")


@pytest.mark.parametrize(
    ("missing", "words"),
    [
        ("config.json", "no config.json: this is not a checkpoint folder"),
        ("tokenizer.json", "save it beside the weights with tokenizer.save_pretrained()"),
        ("tokenizer_config.json", "no chat template (chat_template.jinja or in tokenizer_config.json)"),
        ("model.safetensors", "no weights (*.safetensors)"),
    ],
)
def test_a_folder_that_lacks_something_is_told_what(tmp_path: Path, missing: str, words: str) -> None:
    folder = make_folder(tmp_path / "step-1200", missing)
    with pytest.raises(CheckpointError) as caught:
        resolve_model("deepseek", folder)
    assert str(caught.value).startswith(f"{folder}: ")
    assert words in str(caught.value)


@pytest.mark.parametrize("pickle", ["pytorch_model.bin", "model.pt", "consolidated.00.pth", "last.ckpt"])
def test_weights_that_can_run_code_are_refused_with_the_way_to_convert_them(tmp_path: Path, pickle: str) -> None:
    folder = make_folder(tmp_path / "step-1200", "model.safetensors", **{pickle: ""})
    with pytest.raises(CheckpointError, match=r"can run code when loaded; .*safe_serialization=True") as caught:
        check_folder(folder)
    assert pickle in str(caught.value)


def test_a_tokenizer_config_without_a_template_is_no_template(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no chat template"):
        check_folder(make_folder(tmp_path / "step-1200", **{"tokenizer_config.json": "{}"}))


def test_a_template_may_have_a_file_of_its_own(tmp_path: Path) -> None:
    check_folder(make_folder(tmp_path / "step-1200", "tokenizer_config.json", **{"chat_template.jinja": "x"}))


def test_a_damaged_tokenizer_config_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json: cannot be read"):
        check_folder(make_folder(tmp_path / "step-1200", **{"tokenizer_config.json": "{"}))


def test_a_tokenizer_config_that_is_no_object_is_told_by_name(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"tokenizer_config\.json"):
        check_folder(make_folder(tmp_path / "step-1200", **{"tokenizer_config.json": "[]"}))


def test_a_judges_template_writes_its_prompt_word_for_word() -> None:
    """The cards of two judges give the whole text of a prompt; the tokenizer's own template must not wrap it."""
    raw = registry()["wildguard"]["chat_template"]
    assert raw == registry()["harmbench-cls"]["chat_template"]
    engine = TransformersEngine(EngineOptions(replace(resolve_model("tiny-judge"), chat_template=raw), "float32"))
    assert engine.render([Message("user", "[INST] x [/INST]\n")]) == "<|begin|>[INST] x [/INST]\n"
