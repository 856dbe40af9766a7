"""The engine that asks a server, against real servers that misbehave."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

pytest.importorskip("openai", reason="the extra openai is not installed")

from pytest_framing.engines.engine import BatchRequest, Completion, Decoding, EngineOptions
from pytest_framing.engines.openai import UNKNOWN_WINDOW, OpenAIEngine
from pytest_framing.errors import EngineError, SettingsError
from pytest_framing.framings import Message
from pytest_framing.models.registry import resolve_served_model
from pytest_framing.shapes import BatchLimits
from tests.chat_server import MODEL, Answer, ChatServer, Sent, is_probe, refused, said, serving

GREEDY = Decoding(max_new_tokens=20)
ASKED = [[Message("user", f"question {number}")] for number in range(4)]
FAST = {"retries": "0", "timeout": "5"}


def made(server: ChatServer, model: str = MODEL, **settings: str) -> OpenAIEngine:
    return OpenAIEngine(EngineOptions(resolve_served_model(model), "", "", server.url, FAST | settings))


@contextmanager
def started(
    answer: Answer, *, model: str = MODEL, options: dict[str, str] | None = None, **server: Any
) -> Iterator[tuple[OpenAIEngine, ChatServer]]:
    with serving(answer, **server) as running:
        engine = made(running, model, **(options or {}))
        engine.identity()
        engine.start()
        try:
            yield engine, running
        finally:
            engine.close()


def echo(body: dict[str, Any]) -> Sent:
    return said(f"you asked {body['messages'][-1]['content']}")


def on(question: str, sent: Callable[[], Sent]) -> Answer:
    """Echo, except for one question."""
    return lambda body: sent() if body["messages"][-1]["content"] == question else echo(body)


def run(engine: OpenAIEngine, decoding: Decoding = GREEDY, rows: int = 4) -> list[Completion]:
    return engine.run(BatchRequest(ASKED, rows, 0, decoding, seeds=(3, 4, 5, 6)))


def test_every_conversation_is_answered_in_its_place() -> None:
    slow_first = on("question 0", lambda: Sent(body=said("you asked question 0").body, seconds=0.2))
    with started(slow_first) as (engine, _):
        completions = run(engine)
    assert [one.text for one in completions] == [f"you asked question {number}" for number in range(4)]
    assert [one.finish_reason for one in completions] == ["stop"] * 4
    assert {(one.prompt_tokens, one.new_tokens) for one in completions} == {(7, 3)}


def test_a_batch_is_sent_at_once_and_sequential_cases_one_by_one() -> None:
    def slow(body: dict[str, Any]) -> Sent:
        return Sent(body=echo(body).body, seconds=0.5)

    with started(slow) as (engine, server):
        run(engine)
        assert server.most_at_once == 4
    with started(slow) as (engine, server):
        run(engine, rows=0)
        assert server.most_at_once == 1
        assert [body["messages"][0]["content"] for body in server.cases] == [f"question {n}" for n in range(4)]
    with started(slow, options={"concurrency": "2"}) as (engine, server):
        run(engine)
        assert server.most_at_once == 2


def test_requests_are_spaced_as_the_provider_allows() -> None:
    with started(echo, options={"requests_per_minute": "1200"}) as (engine, server):
        begun = time.monotonic()
        run(engine)
        assert time.monotonic() - begun >= 3 * 0.05
    assert len(server.cases) == 4


def test_greedy_decoding_sends_no_seed_and_sampling_sends_the_cases_own() -> None:
    with started(echo) as (engine, server):
        run(engine)
        assert {(body["temperature"], body["max_tokens"], "seed" in body) for body in server.cases} == {
            (0.0, 20, False)
        }
        server.asked.clear()
        run(engine, Decoding(max_new_tokens=20, temperature=0.7, top_p=0.9), rows=0)
        assert [(body["seed"], body["temperature"], body["top_p"]) for body in server.cases] == [
            (seed, 0.7, 0.9) for seed in (3, 4, 5, 6)
        ]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (lambda: refused(500, "question 1"), "the server answered 500"),
        (lambda: refused(429, "question 1", "rate_limit_exceeded"), r"answered 429 \(rate_limit_exceeded\)"),
        (lambda: refused(400, "question 1", "context_length_exceeded"), r"answered 400 \(context_length_exceeded\)"),
        (lambda: Sent(body=b"<html>question 1</html>"), r"no chat completion \(no JSON\)"),
        (lambda: said("question 1", choices=[]), "no chat completion"),
        (lambda: Sent(body=echo({"messages": [{"content": "x"}]}).body, cut=40), "the connection broke"),
        (lambda: Sent(body=b"x" * 10, cut=0), "the connection broke"),
        (lambda: Sent(seconds=60), "no answer within"),
        (lambda: said("question 1", model="another-model"), "another model answered"),
        (lambda: said("question 1", "content_filter"), r"broke the answer off \(content_filter\)"),
    ],
    ids=["500", "429", "400", "garbage", "no choice", "half", "nothing", "hanging", "other model", "filtered"],
)
def test_what_goes_wrong_is_the_error_of_its_case_alone(sent: Callable[[], Sent], error: str) -> None:
    with started(on("question 1", sent), options={"timeout": "5"}) as (engine, _):
        completions = run(engine)
    assert [bool(one.error) for one in completions] == [False, True, False, False]
    assert completions[1].finish_reason == "error"
    assert re.search(error, completions[1].error)
    assert "question" not in completions[1].error


def test_a_busy_server_is_asked_again() -> None:
    answers = [refused(429, retry_after="0.01"), refused(503, retry_after="0.01")]
    with started(on("question 2", lambda: answers.pop() if answers else said("at last")), options={"retries": "2"}) as (
        engine,
        server,
    ):
        completions = run(engine)
    assert completions[2].text == "at last"
    assert len(server.cases) == 4 + 2


def test_a_server_that_hangs_costs_two_timeouts_however_often_it_may_be_asked() -> None:
    hanging = on("question 1", lambda: Sent(seconds=60))
    with started(hanging, options={"timeout": "3", "retries": "20"}) as (engine, _):
        completions = run(engine)
    assert [one.error for one in completions] == ["", "no answer within 6 seconds", "", ""]


def test_a_server_that_is_gone_costs_one_batch_its_retries_and_the_next_none() -> None:
    with serving(echo) as server:
        engine = made(server, retries="1")
        engine.identity()
        engine.start()
    assert all("the connection broke" in one.error for one in run(engine))
    begun = time.monotonic()
    with pytest.raises(EngineError, match="out of reach"):
        run(engine)
    assert time.monotonic() - begun < 10
    engine.close()


def test_a_server_that_comes_back_is_asked_again() -> None:
    down = threading.Event()
    with started(lambda body: refused(503) if down.is_set() else echo(body)) as (engine, _):
        down.set()
        assert all(one.error for one in run(engine))
        down.clear()
        assert not any(one.error for one in run(engine))


def test_what_a_deadline_leaves_unfinished_is_a_timeout() -> None:
    slow = on("question 1", lambda: Sent(body=b"{}", seconds=60))
    with started(slow) as (engine, _):
        completions = run(engine, Decoding(max_new_tokens=20, deadline=5))
    assert [one.finish_reason for one in completions] == ["stop", "timeout", "stop", "stop"]


def test_identity_is_what_the_server_says_of_itself_and_promises_nothing() -> None:
    entry = {"id": MODEL, "owned_by": "sglang", "max_model_len": 4096}
    with serving(lambda body: said("2", system_fingerprint="fp_9"), entry=entry) as server:
        identity = made(server).identity()
    assert (identity.name, identity.invariance, identity.window) == ("openai", "none", 4096)
    assert identity.template_digest == "server's own"
    assert identity.libraries == {"server": "sglang", "served_model": MODEL, "system_fingerprint": "fp_9"}
    assert (identity.weights_digest, identity.revision) == ("", ""), "nobody can see them from here"


def test_without_a_tokenizer_a_plan_needs_no_counts() -> None:
    with serving(echo) as server:
        engine = made(server)
        assert engine.count_tokens(ASKED) == [0] * 4
        assert engine.identity().window == UNKNOWN_WINDOW
        assert engine.shape(0, BatchLimits(32, 64)) == (32, 0)
        assert len({engine.render(one) for one in ASKED}) == 4


def vllm_root(path: str, body: dict[str, Any]) -> dict[str, Any] | None:
    """Return what vLLM answers below its root: one token a character, and a template in square brackets."""
    if path == "/version":
        return {"version": "0.32.0"}
    if path == "/tokenize":
        text = (
            "".join(f"[{message['role']}]{message['content']}" for message in body["messages"]) + "[assistant]<think>\n"
        )
        return {"tokens": [ord(letter) for letter in text]}
    return {"prompt": "".join(map(chr, body["tokens"]))} if path == "/detokenize" else None


def test_a_vllm_server_counts_and_shows_its_template() -> None:
    entry = {"id": MODEL, "owned_by": "vllm"}
    with serving(echo, entry=entry, root=vllm_root) as server:
        engine = made(server)
        identity = engine.identity()
        assert identity.libraries["server"] == "vllm 0.32.0"
        assert identity.template_digest.startswith("server's sha256:")
        assert engine.render(ASKED[0]) == "[user]question 0[assistant]<think>\n"
        assert engine.count_tokens(ASKED[:1]) == [len(engine.render(ASKED[0]))]
    assert server.asked[0]["return_token_ids"] is True


def test_a_template_that_opens_the_reasoning_is_seen_where_the_server_shows_it() -> None:
    with started(lambda body: said("I think"), entry={"id": MODEL, "owned_by": "vllm"}, root=vllm_root) as (engine, _):
        assert all(one.opened_reasoning for one in run(engine))


@pytest.mark.parametrize(
    ("probe", "answer", "opened"),
    [
        (said("2"), said("Step by step", "length"), False),
        (said("Two"), said("Hm.</think>Yes."), True),
        (said("hm</think>2"), said("Step by step", "length"), True),
        (said("I wonder", "length"), said("Step by step", "length"), True),
        (said("hm</think>2"), said("No."), False),
        (said("2"), said("<think>Hm.</think>Yes.", "length"), False),
    ],
    ids=["plain server", "closed", "reasons and is cut", "may reason and is cut", "finished", "opened by the model"],
)
def test_a_text_that_may_be_all_reasoning_is_no_answer(probe: Sent, answer: Sent, opened: bool) -> None:
    with started(lambda body: probe if is_probe(body) else answer) as (engine, _):
        assert {one.opened_reasoning for one in run(engine)} == {opened}


def test_a_server_that_takes_fewer_parameters_is_asked_with_fewer() -> None:
    def picky(body: dict[str, Any]) -> Sent:
        unknown = {"logprobs", "max_tokens"} & body.keys()
        return refused(400, f"unsupported: {sorted(unknown)}") if unknown else echo(body)

    with started(picky) as (engine, server):
        assert not any(one.error for one in run(engine))
    assert all(body["max_completion_tokens"] == 20 for body in server.cases)


def test_margins_come_where_the_server_offers_logprobs() -> None:
    tokens = [{"token": "a", "top_logprobs": [{"logprob": -0.5}, {"logprob": -1.25}]}]
    with started(lambda body: said("a", choice={"logprobs": {"content": tokens}})) as (engine, server):
        assert {one.margin for one in run(engine)} == {0.75}
        assert all(body["top_logprobs"] == 2 for body in server.cases)
    with started(echo) as (engine, server):
        assert {one.margin for one in run(engine)} == {None}
        assert not any("logprobs" in body for body in server.cases), "nobody pays for what does not come"


def test_the_key_goes_into_the_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serving(echo) as server:
        engine = made(server)
        identity = engine.identity()
    assert server.keys == {"Bearer sk-secret"}
    assert "sk-secret" not in json.dumps(server.asked) + repr(identity) + repr(vars(engine))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (refused(401, "Incorrect API key provided: sk-12"), r"refuses the key \(OPENAI_API_KEY, status 401\)"),
        (refused(404, "no such model"), rf"has no model 'other' .* it serves {MODEL}"),
        (refused(500, "out of memory"), "answered 500 to a harmless question.*out of memory"),
        (refused(400, "temperature must be 1"), "answered 400 .*temperature must be 1"),
        (Sent(body=b"hello"), "no chat completion"),
    ],
)
def test_a_server_that_cannot_serve_is_one_error_before_the_start(answer: Sent, message: str) -> None:
    with serving(lambda body: answer) as server, pytest.raises(EngineError, match=message) as error:
        made(server, "other").identity()
    assert server.url in str(error.value)
    assert "sk-12" not in str(error.value)


def test_no_server_is_one_error_before_the_start() -> None:
    with serving(echo) as server:
        pass
    with pytest.raises(EngineError, match="cannot be reached; is it running"):
        made(server).identity()


def test_the_tokenizer_of_another_model_is_noticed_before_the_start() -> None:
    """Byte-level ``tiny`` makes more tokens of the probe than the seven that this server reports."""
    with (
        serving(echo, entry={"id": "tiny"}) as server,
        pytest.raises(EngineError, match="another model or another chat"),
    ):
        made(server, "tiny").identity()


def test_a_registry_name_asks_for_the_name_that_the_server_has() -> None:
    repository = "meta-llama/Llama-3.1-8B-Instruct"
    with serving(echo, entry={"id": repository}) as server:
        made(server, "llama").identity()
    assert {body["model"] for body in server.asked} == {repository}


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (None, "say where the server is"),
        ("localhost:8000/v1", "no URL of a server"),
        ("http://me:secret@host/v1", "without a name, a key"),
        ("http://host/v1?key=secret", "without a name, a key"),
        ("http://host:99999/v1", "not a URL"),
    ],
)
def test_where_the_server_is_has_to_be_said(url: str | None, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    with pytest.raises(SettingsError, match=message) as error:
        OpenAIEngine(EngineOptions(resolve_served_model(MODEL), "", "", url))
    assert "secret" not in str(error.value)


def test_the_environment_may_say_where_the_server_is(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(echo) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        OpenAIEngine(EngineOptions(resolve_served_model(MODEL), "", "")).identity()
    assert server.asked


def test_a_limit_that_no_server_knows_is_refused() -> None:
    with started(echo) as (engine, _), pytest.raises(EngineError, match="max_answer_tokens"):
        run(engine, Decoding(max_new_tokens=20, max_answer_tokens=5))
