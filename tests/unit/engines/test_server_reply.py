"""What a server's reply is taken for."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_framing.engines.reasoning import split_reasoning
from pytest_framing.engines.server_reply import error_code, read_reply
from pytest_framing.errors import EngineError
from tests.chat_server import said


def logprobs(*pairs: tuple[float, float]) -> dict[str, Any]:
    tokens = [{"token": "a", "top_logprobs": [{"logprob": one}, {"logprob": other}]} for one, other in pairs]
    return {"logprobs": {"content": tokens}}


def test_a_reply_tells_text_end_and_counts() -> None:
    reply = read_reply(said("Here you are.", "length", system_fingerprint="fp_1").body)
    assert (reply.text, reply.finish_reason) == ("Here you are.", "length")
    assert (reply.prompt_tokens, reply.new_tokens, reply.system_fingerprint) == (7, 3, "fp_1")


def test_what_a_server_does_not_tell_is_unknown() -> None:
    reply = read_reply(said("Yes.", usage=None).body)
    assert (reply.prompt_tokens, reply.new_tokens, reply.margin, reply.token_ids) == (None, None, None, ())


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
def test_reasoning_that_the_server_keeps_apart_is_reasoning(name: str) -> None:
    reply = read_reply(said("Four.", message={name: "Two and two."}).body)
    assert split_reasoning(reply.text, opened=False) == ("Two and two.", "Four.", False)


def test_reasoning_without_an_answer_is_cut_off() -> None:
    reply = read_reply(said(None, "length", message={"reasoning_content": "Let me see"}).body)
    assert split_reasoning(reply.text, opened=False) == ("Let me see", "", True)


def test_the_smallest_margin_is_kept_whatever_order_the_tokens_come_in() -> None:
    reply = read_reply(said("ab", choice=logprobs((-0.1, -4.0), (-1.5, -1.0), (-0.2, -3.0))).body)
    assert reply.margin == pytest.approx(0.5)


def test_a_margin_is_unknown_where_one_token_does_not_show_it() -> None:
    tokens = logprobs((-0.1, -4.0))
    tokens["logprobs"]["content"].append({"token": "b", "top_logprobs": [{"logprob": -0.1}]})
    assert read_reply(said("ab", choice=tokens).body).margin is None


def test_the_token_that_ends_an_answer_is_no_part_of_it() -> None:
    assert read_reply(said("a", choice={"token_ids": [5, 6, 2]}).body).token_ids == (5, 6)
    assert read_reply(said("a", "length", choice={"token_ids": [5, 6, 2]}).body).token_ids == (5, 6, 2)


def without(*path: str | int) -> bytes:
    document = json.loads(said("secret answer").body)
    place = document
    for part in path[:-1]:
        place = place[part]
    del place[path[-1]]
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "no JSON"),
        (b"<html>secret answer</html>", "no JSON"),
        (said("secret answer").body[:-20], "no JSON"),
        (b"[]", "model_type|dict_type|no JSON"),
        (without("choices"), "choices: missing"),
        (said("", choices=[]).body, "choices: too_short"),
        (without("choices", 0, "finish_reason"), r"choices\.0\.finish_reason: missing"),
        (said("secret answer", choice={"finish_reason": None}).body, r"finish_reason: string_type"),
        (said(None, message={"content": ["secret answer"]}).body, r"message\.content: string_type"),
        (said("secret answer", "content_filter").body, r"broke the answer off \(content_filter\)"),
        (said("secret answer", "because of the secret answer").body, r"broke the answer off \(unknown reason\)"),
    ],
)
def test_anything_else_is_an_error_that_quotes_nothing(body: bytes, message: str) -> None:
    with pytest.raises(EngineError, match=message) as error:
        read_reply(body)
    assert "secret" not in str(error.value)
    assert error.value.__cause__ is None


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": "context_length_exceeded", "message": "secret"}, "context_length_exceeded"),
        ({"code": 400, "type": "BadRequestError"}, "BadRequestError"),
        ({"code": "the prompt was: secret"}, ""),
        ("secret", ""),
        (None, ""),
    ],
)
def test_of_an_error_its_code_alone_is_shown(body: Any, code: str) -> None:
    assert error_code(body) == code
