"""The transformers engine on the embedded checkpoint: what a completion carries, what goes wrong with one case."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AddedToken, AutoModelForCausalLM

from pytest_framing.engines.engine import BatchRequest, Completion, Decoding, EngineOptions
from pytest_framing.engines.reasoning import split_reasoning
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import CheckpointError, EngineError
from pytest_framing.framings import Message
from pytest_framing.models.registry import EMBEDDED, resolve_model
from pytest_framing.models.template_date import with_fixed_date
from pytest_framing.shapes import BatchLimits, buckets
from training.synthetic_prompts import synthetic_prompts

GREEDY = Decoding(max_new_tokens=12)
ASKED = [
    [Message("system", "You are an assistant of a post office."), Message("user", prompt.text)]
    for prompt in synthetic_prompts(0)[:6]
]


@pytest.fixture(scope="module")
def engine() -> Iterator[TransformersEngine]:
    started = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32"))
    started.start()
    yield started
    started.close()


def request(conversations: list[list[Message]], **changes: Any) -> BatchRequest:
    """Ask for one batch of 8 × 256."""
    return replace(BatchRequest(conversations, 8, 256, GREEDY), **changes)


def answers(completions: list[Completion]) -> list[tuple[int, ...]]:
    """Token ids, which tell more than texts."""
    assert not any(one.error for one in completions)
    return [one.token_ids for one in completions]


def test_a_completion_carries_its_tokens_its_shape_and_its_smallest_margin(engine: TransformersEngine) -> None:
    (completion,) = engine.run(BatchRequest(ASKED[:1], 0, 0, GREEDY))
    tokens = engine._tokenize([engine.render(ASKED[0])])[0]
    with torch.inference_mode():
        logits = engine._model(torch.tensor([[*tokens, *completion.token_ids]])).logits[0, len(tokens) - 1 :]
    best = logits[: len(completion.token_ids)].topk(2, dim=-1)
    assert best.indices[:, 0].tolist() == list(completion.token_ids)
    assert completion.margin == pytest.approx((best.values[:, 0] - best.values[:, 1]).min().item(), abs=1e-4)
    assert (completion.rows, completion.length) == (1, len(tokens)) == (1, completion.prompt_tokens)


def test_switching_batches_off_changes_no_token_in_float32(engine: TransformersEngine) -> None:
    batched = answers(engine.run(request(ASKED)))
    assert batched == answers(engine.run(BatchRequest(ASKED, 0, 0, GREEDY)))
    assert any(batched)


def test_a_prompt_that_does_not_fit_is_an_error_of_its_own(engine: TransformersEngine) -> None:
    long = [Message("user", "parcel " * 200)]
    completions = engine.run(request([ASKED[0], long, ASKED[1]]))
    assert "does not fit the planned 256" in completions[1].error
    assert answers([completions[0], completions[2]]) == answers(engine.run(request(ASKED[:2])))


def test_without_memory_a_batch_runs_in_halves_and_says_so(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = engine.run(request(ASKED))
    generate = engine._model.generate

    def scarce(input_ids: torch.Tensor, **arguments: Any) -> torch.Tensor:
        if input_ids.shape[0] > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        result: torch.Tensor = generate(input_ids=input_ids, **arguments)
        return result

    monkeypatch.setattr(engine._model, "generate", scarce)
    halved = engine.run(request(ASKED))
    assert answers(halved) == answers(expected)
    assert {one.rows for one in expected} == {8}
    assert {one.rows for one in halved} == {2}
    monkeypatch.setattr(engine._model, "generate", generate)
    assert {one.rows for one in engine.run(request(ASKED))} == {8}, "the next batch has its planned shape again"


def test_a_row_that_never_fits_the_memory_is_an_error_of_each_case(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(**_: Any) -> torch.Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(engine._model, "generate", never)
    errors = [one.error for one in engine.run(request(ASKED))]
    assert errors == ["the device has no memory for one row of 256 tokens"] * len(ASKED)


def test_another_failure_of_the_device_is_not_taken_for_want_of_memory(
    engine: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: Any) -> torch.Tensor:
        raise RuntimeError("device-side assert triggered")

    monkeypatch.setattr(engine._model, "generate", broken)
    with pytest.raises(RuntimeError, match="device-side assert"):
        engine.run(request(ASKED))


def test_every_batch_is_computed_with_a_mask_whatever_its_rows(engine: TransformersEngine) -> None:
    """Without a place of padding, a batch would run other kernels than with it."""
    for tokens in (1, *buckets(8)[:-1]):
        assert engine.shape(tokens, BatchLimits(8, 10**6)).length > tokens


def test_logits_that_are_no_numbers_end_their_row_alone(engine: TransformersEngine) -> None:
    expected = engine.run(request(ASKED))

    def spoil(module: object, arguments: object, output: Any) -> Any:
        output.logits[1] = float("nan")
        return output

    hook = engine._model.register_forward_hook(spoil)
    try:
        spoilt = engine.run(request(ASKED))
    finally:
        hook.remove()
    assert [one.finish_reason for one in spoilt].count("not_finite") == 1
    assert (spoilt[1].finish_reason, spoilt[1].margin, spoilt[1].new_tokens) == ("not_finite", None, 0)
    assert answers(spoilt[2:]) == answers(expected[2:])


def test_what_a_row_is_padded_with_after_its_end_cannot_spoil_it(engine: TransformersEngine) -> None:
    whole = Decoding(max_new_tokens=64)
    expected = engine.run(request(ASKED, decoding=whole))
    short = min(range(len(ASKED)), key=lambda row: expected[row].new_tokens)
    assert expected[short].new_tokens < max(one.new_tokens for one in expected)
    steps = 0

    def spoil(module: object, arguments: object, output: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps > expected[short].new_tokens + 1:
            output.logits[short] = float("nan")
        return output

    hook = engine._model.register_forward_hook(spoil)
    try:
        assert answers(engine.run(request(ASKED, decoding=whole))) == answers(expected)
    finally:
        hook.remove()


def test_a_batch_past_its_deadline_is_given_up(engine: TransformersEngine) -> None:
    hurried = engine.run(request(ASKED, decoding=Decoding(max_new_tokens=12, deadline=1e-9)))
    assert {one.finish_reason for one in hurried} == {"timeout"}


def test_a_sampled_answer_depends_on_its_seed_alone(engine: TransformersEngine) -> None:
    drawn = Decoding(max_new_tokens=12, temperature=1.5)
    together = answers(engine.run(request(ASKED[:3], decoding=drawn, seeds=[11, 12, 13])))
    alone = answers(engine.run(request(ASKED[1:2], decoding=drawn, seeds=[12])))
    other = answers(engine.run(request(ASKED[1:2], decoding=drawn, seeds=[99])))
    assert together[1] == alone[0] != other[0]


@pytest.fixture(scope="module")
def thinker() -> Iterator[TransformersEngine]:
    started = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32", thinking=True))
    started.start()
    yield started
    started.close()


def test_a_model_that_is_told_to_think_reasons_before_it_answers(thinker: TransformersEngine) -> None:
    for completion in thinker.run(request(ASKED[:2], decoding=Decoding(max_new_tokens=128))):
        parts = split_reasoning(completion.text, opened=completion.opened_reasoning)
        assert parts.reasoning
        assert parts.answer
        assert completion.finish_reason == "stop"


def test_a_limit_of_the_answer_leaves_the_reasoning_alone(thinker: TransformersEngine) -> None:
    whole = thinker.run(request(ASKED[:2], decoding=Decoding(max_new_tokens=128)))
    limited = thinker.run(request(ASKED[:2], decoding=Decoding(max_new_tokens=128, max_answer_tokens=5)))
    for long, short in zip(whole, limited, strict=True):
        assert short.finish_reason == "length"
        assert short.token_ids == long.token_ids[: short.new_tokens]
        before, after = (split_reasoning(one.text, opened=one.opened_reasoning) for one in (long, short))
        assert after.reasoning == before.reasoning
        assert 0 < len(after.answer) < len(before.answer)


CHANNELS = "<|channel|>analysis<|message|>Two lids.<|end|><|start|>assistant<|channel|>final<|message|>"


def speaking_harmony(folder: Path) -> TransformersEngine:
    """Return an engine on a copy of the embedded checkpoint that has gpt-oss's special tokens and stops at its own."""
    engine = TransformersEngine(EngineOptions(resolve_model("tiny"), "float32"))
    tokenizer, path = engine._tokenizer, copied(folder)
    # A tokenizer may list its special tokens, or only mark them as special.
    tokenizer.add_tokens([AddedToken(one, special=True) for one in ("<|channel|>", "<|start|>")])
    tokenizer.add_special_tokens({"eos_token": "<|return|>", "extra_special_tokens": ["<|message|>"]})
    tokenizer.save_pretrained(path)
    model = AutoModelForCausalLM.from_pretrained(path)
    model.resize_token_embeddings(len(tokenizer))
    model.generation_config.eos_token_id = model.config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(path)
    return TransformersEngine(EngineOptions(resolve_model(str(path)), "float32"))


@pytest.fixture(scope="module")
def harmonist(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransformersEngine]:
    started = speaking_harmony(tmp_path_factory.mktemp("harmony"))
    started.start()
    yield started
    started.close()


def saying(engine: TransformersEngine, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the model generate the tokens of that text, and padding after them."""

    def generate(input_ids: torch.Tensor, **arguments: Any) -> torch.Tensor:
        new = torch.tensor([[*engine._tokenize([text])[0], engine._pad]])
        for processor in arguments["logits_processor"]:
            for _ in new[0]:
                processor(input_ids, torch.zeros(len(input_ids), 300))
        return torch.cat([input_ids, new.expand(len(input_ids), -1)], dim=1)

    monkeypatch.setattr(engine._model, "generate", generate)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer", "cut"),
    [
        pytest.param(f"{CHANNELS}A lid each.<|return|>", "Two lids.", "A lid each.", False, id="whole"),
        pytest.param("<|channel|>analysis<|message|>Two lids", "Two lids", "", True, id="cut in its analysis"),
    ],
)
def test_channels_survive_decoding(
    harmonist: TransformersEngine,
    monkeypatch: pytest.MonkeyPatch,
    text: str,
    reasoning: str,
    answer: str,
    cut: bool,
) -> None:
    saying(harmonist, text, monkeypatch)
    (completion,) = harmonist.run(request(ASKED[:1]))
    parts = split_reasoning(completion.text, opened=completion.opened_reasoning)
    assert parts == (reasoning, answer, cut)


def test_a_limit_of_the_answer_counts_from_the_final_channel(
    harmonist: TransformersEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    saying(harmonist, f"{CHANNELS}A lid each.<|return|>", monkeypatch)
    (completion,) = harmonist.run(request(ASKED[:1], decoding=Decoding(max_new_tokens=128, max_answer_tokens=5)))
    assert completion.text == f"{CHANNELS}A lid"
    assert completion.finish_reason == "length"


def test_thinking_cannot_be_chosen_where_the_template_knows_no_such_thing(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    template = folder / "chat_template.jinja"
    template.write_text(template.read_text().replace("enable_thinking", "something_else"))
    with pytest.raises(CheckpointError, match="does not let one choose"):
        TransformersEngine(EngineOptions(resolve_model(str(folder)), "float32", thinking=True)).identity()


def test_thinking_is_part_of_the_templates_digest() -> None:
    spec = resolve_model("tiny")
    digests = {
        TransformersEngine(EngineOptions(spec, "float32", thinking=thinking)).identity().template_digest
        for thinking in (None, True, False)
    }
    assert len(digests) == 3


def copied(folder: Path) -> Path:
    """Return a copy of the embedded checkpoint, to be damaged."""
    return Path(shutil.copytree(EMBEDDED / "tiny", folder / "model"))


def identify(folder: Path) -> None:
    """Ask an engine on that checkpoint what it is."""
    TransformersEngine(EngineOptions(resolve_model(str(folder)), "float32")).identity()


def test_a_tokenizer_of_another_model_is_refused_before_start(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"vocab_size": 200}))
    with pytest.raises(CheckpointError, match=r"tokenizer does not belong to this model.*263.*200"):
        identify(folder)


def test_a_template_that_writes_the_first_token_twice_is_refused(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    template = folder / "chat_template.jinja"
    template.write_text("{{- bos_token }}" + template.read_text())
    with pytest.raises(CheckpointError, match=r"first token .* twice"):
        identify(folder)


def dated(folder: Path, call: str) -> Path:
    """Return a checkpoint whose template begins with a date, as gpt-oss's and Llama 3.2's do."""
    made = copied(folder)
    template = made / "chat_template.jinja"
    template.write_text(f"Current date: {{{{ {call} }}}}\n" + template.read_text())
    return made


def test_a_template_that_writes_the_day_writes_the_same_one_on_every_day(tmp_path: Path) -> None:
    engine = TransformersEngine(
        EngineOptions(resolve_model(str(dated(tmp_path, "strftime_now('%d %b %Y')"))), "float32")
    )
    assert engine.render(ASKED[0]).startswith("Current date: 01 Jan 2025")


@pytest.mark.parametrize("call", ["strftime_now(messages[0].role)", "(strftime_now)('%Y')"])
def test_a_template_whose_day_cannot_be_held_fixed_is_refused(call: str, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="day of the run"):
        identify(dated(tmp_path, call))


def test_a_template_that_asks_whether_it_could_know_the_day_is_none_that_writes_it() -> None:
    asked = "{# strftime_now #}{% if strftime_now is defined %}{{ strftime_now ( '%Y' , ) }}{% endif %}"
    assert with_fixed_date(asked, "here") == '{# strftime_now #}{% if strftime_now is defined %}{{ "2025" }}{% endif %}'


def test_an_engine_that_was_not_started_says_so() -> None:
    with pytest.raises(EngineError, match="not started"):
        TransformersEngine(EngineOptions(resolve_model("tiny"), "float32")).run(request(ASKED))
