"""A server's reply to one conversation, read with distrust: whatever is missing from it makes it no reply."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from pytest_framing.engines.reasoning import CLOSE, OPEN
from pytest_framing.errors import EngineError
from pytest_framing.records import FinishReason

FINISHED: dict[str, FinishReason] = {"stop": "stop", "length": "length"}


@dataclass(frozen=True)
class Reply:
    """One reply; what the server did not tell is ``None`` or empty.

    ``text`` has the reasoning between its tags again where the server keeps it apart.
    """

    text: str = field(repr=False)
    finish_reason: FinishReason
    model: str
    prompt_tokens: int | None = None
    new_tokens: int | None = None
    system_fingerprint: str = ""
    margin: float | None = None
    token_ids: tuple[int, ...] = field(default=(), repr=False)


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None
    # Servers that split answers call it by one of these two.
    reasoning_content: str | None = None
    reasoning: str | None = None


class _TopToken(BaseModel):
    logprob: float


class _TokenLogprob(BaseModel):
    top_logprobs: list[_TopToken] = []


class _Logprobs(BaseModel):
    content: list[_TokenLogprob] | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str
    logprobs: _Logprobs | None = None
    token_ids: list[int] | None = None


class _Usage(BaseModel):
    prompt_tokens: int | None = Field(None, ge=0)
    completion_tokens: int | None = Field(None, ge=0)


class _Document(BaseModel):
    model: str
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None
    system_fingerprint: str | None = None


def read_reply(body: bytes) -> Reply:
    """Read the body of a chat completion.

    Raises
    ------
    EngineError
        When it is none, naming the field and quoting nothing: it may hold an answer.
    """
    try:
        document = _Document.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        what = f"{place}: {first['type']}" if place else "no JSON"
        raise EngineError(f"the server's reply is no chat completion ({what})") from None
    choice, usage = document.choices[0], document.usage or _Usage()
    if choice.finish_reason not in FINISHED:
        raise EngineError(f"the server broke the answer off ({_word(choice.finish_reason)})")
    finish = FINISHED[choice.finish_reason]
    token_ids = tuple(choice.token_ids or ())
    return Reply(
        text=_text(choice.message),
        finish_reason=finish,
        model=document.model,
        prompt_tokens=usage.prompt_tokens,
        new_tokens=usage.completion_tokens,
        system_fingerprint=document.system_fingerprint or "",
        margin=_margin(choice.logprobs),
        # The token that ends an answer is no part of it.
        token_ids=token_ids[:-1] if finish == "stop" else token_ids,
    )


def _text(message: _Message) -> str:
    answer = message.content or message.refusal or ""
    reasoning = message.reasoning_content or message.reasoning
    if not reasoning:
        return answer
    # Without an answer nobody knows whether the reasoning came to its end: there is none to judge either way.
    return f"{OPEN}{reasoning}{CLOSE}{answer}" if answer.strip() else f"{OPEN}{reasoning}"


def _margin(logprobs: _Logprobs | None) -> float | None:
    """Smallest distance of the best token from the second best; unknown where a token does not show both."""
    if logprobs is None or not logprobs.content:
        return None
    tokens = [sorted((top.logprob for top in token.top_logprobs), reverse=True) for token in logprobs.content]
    if any(len(token) < 2 for token in tokens):
        return None
    return min(token[0] - token[1] for token in tokens)


def _word(text: str) -> str:
    """Return a short word of the server's for a message; anything longer could quote what it was sent."""
    return text if text.isidentifier() and len(text) <= 40 else "unknown reason"


def error_code(body: Any) -> str:
    """Return the code or type that a server gives for an error, empty without one; never its message."""
    found = body if isinstance(body, dict) else {}
    words = (found.get(name) for name in ("code", "type"))
    return next((word for word in words if isinstance(word, str) and word.isidentifier() and len(word) <= 60), "")
