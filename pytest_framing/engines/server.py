"""A server that speaks OpenAI's protocol: what it is, and its reply to one conversation."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import Field

from pytest_framing.engines.engine_settings import EngineSettings
from pytest_framing.engines.harmony import is_harmony
from pytest_framing.engines.reasoning import CLOSE, OPEN
from pytest_framing.engines.server_reply import Reply, error_code, read_reply
from pytest_framing.errors import EngineError, SettingsError, first_line
from pytest_framing.framings import Message
from pytest_framing.optional_packages import optional_package

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType, TracebackType
    from typing import Self

    from pytest_framing.engines.engine import Conversation, Decoding

URL_VARIABLE, KEY_VARIABLE = "OPENAI_BASE_URL", "OPENAI_API_KEY"
PROBE = (Message("user", "What is 1 + 1? Answer with the number alone."),)
PROBE_TOKENS = 512
SHORT_TIMEOUT = 30.0
"""Seconds for questions that cost a server nothing."""
SIGN_OF_LIFE_TIMEOUT = 5.0


class ServerSettings(EngineSettings):
    """How hard a server may be asked: ``--framing-engine-option`` of the engine ``openai``."""

    concurrency: int | None = Field(None, ge=1)
    requests_per_minute: float | None = Field(None, gt=0)
    timeout: float = Field(600.0, gt=0)
    retries: int = Field(6, ge=0, le=20)


@dataclass(frozen=True)
class Dialect:
    """What a server understands beyond the minimum."""

    limit: str = "max_tokens"
    logprobs: bool = True
    token_ids: bool = False


# From what tells most to what every server knows. `max_tokens` comes first: a server that does not know
# `max_completion_tokens` may ignore it, and answer without a limit.
DIALECTS = (
    Dialect(),
    Dialect(logprobs=False),
    Dialect("max_completion_tokens"),
    Dialect("max_completion_tokens", logprobs=False),
)


@dataclass(frozen=True)
class ServerDescription:
    """What a server said of itself before anything was generated.

    ``model`` is the name to ask for and ``reported`` the one in its replies. ``window`` is 0 where it did not say.
    ``template`` holds what its chat template makes of the probe, where it shows that. ``plain`` says that it answered
    the probe to the end without any reasoning in its text.
    """

    model: str
    reported: str
    software: str
    system_fingerprint: str
    window: int
    dialect: Dialect
    prompt_tokens: int | None
    plain: bool
    template: str | None = None


def base_url(given: str | None) -> str:
    """Return where the server is.

    Raises
    ------
    SettingsError
        Without a URL, and for one that is none, or holds what must not be recorded.
    """
    url = given or os.environ.get(URL_VARIABLE) or ""
    name = "--framing-base-url" if given else URL_VARIABLE
    if not url:
        raise SettingsError(
            "--framing-engine openai: say where the server is, --framing-base-url http://localhost:8000/v1 or "
            f"{URL_VARIABLE}"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise SettingsError(f"{name}: not a URL ({error})") from None
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingsError(f"{name}: a URL without a name, a key or a query; the key comes from {KEY_VARIABLE}")
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise SettingsError(f"{name}: {url!r} is no URL of a server, such as http://localhost:8000/v1")
    return url.rstrip("/")


class Server:
    """One connection pool to the server; to be used as an asynchronous context."""

    def __init__(self, url: str, settings: ServerSettings) -> None:
        """Connect to nothing yet.

        Raises
        ------
        MissingPackageError
            Without the package ``openai``.
        """
        self._openai: ModuleType = optional_package("openai", "openai", "--framing-engine openai")
        self._url = url
        self._settings = settings
        # Most local servers want no key; the client wants one always.
        self._client: Any = self._openai.AsyncOpenAI(
            base_url=url,
            api_key=os.environ.get(KEY_VARIABLE) or "none",
            timeout=settings.timeout,
            max_retries=settings.retries,
        )
        self._pace = _Pace(settings.requests_per_minute)

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def describe(self, names: Sequence[str]) -> ServerDescription:
        """Ask the server what it is, and put one harmless question to see how it answers.

        Parameters
        ----------
        names
            Names by which it may know the model, likeliest first.

        Raises
        ------
        EngineError
            When it does not answer, refuses the key, or has no such model; in words that say what to do.
        """
        listed: dict[str, dict[str, Any]] = {}
        try:
            listed = await self._listed()
            model = next((name for name in names if name in listed), names[0])
            entry = listed.get(model, {})
            software = str(entry.get("owned_by") or "unknown")
            shows_template = False
            if software == "vllm":
                software = f"vllm {(await self._ask_root('GET', 'version')).get('version', '')}".strip()
                shows_template = True
            reply, dialect = await self._probe(model, token_ids=shows_template)
            description = ServerDescription(
                model=model,
                reported=reply.model,
                software=software,
                system_fingerprint=reply.system_fingerprint,
                window=entry["max_model_len"] if isinstance(entry.get("max_model_len"), int) else 0,
                dialect=dialect,
                prompt_tokens=reply.prompt_tokens,
                plain=reply.finish_reason == "stop"
                and CLOSE not in reply.text
                and OPEN not in reply.text
                and not is_harmony(reply.text),
            )
            return replace(description, template=await self.render(description, PROBE) if shows_template else None)
        except self._openai.OpenAIError as error:
            raise EngineError(f"{self._url}: {self._explain(error, names[0], sorted(listed))}") from None

    async def tokens(self, description: ServerDescription, conversation: Conversation) -> list[int]:
        """Return the tokens that the server makes of a conversation; for servers that show their template.

        Raises
        ------
        EngineError
            When it does not, for instance because its template refuses the conversation.
        """
        body = {"model": description.model, "messages": _messages(conversation)}
        tokens = (await self._ask_root("POST", "tokenize", body)).get("tokens")
        if not isinstance(tokens, list):
            hint = "; try --framing-placement user" if conversation[0].role == "system" else ""
            raise EngineError(f"{self._url}: the server cannot tokenize the conversation{hint}")
        return tokens

    async def render(self, description: ServerDescription, conversation: Conversation) -> str | None:
        """Return what the server's chat template makes of a conversation, or ``None`` where it does not say."""
        body = {"model": description.model, "tokens": await self.tokens(description, conversation)}
        prompt = (await self._ask_root("POST", "detokenize", body)).get("prompt")
        return prompt if isinstance(prompt, str) else None

    async def complete(
        self, description: ServerDescription, conversation: Conversation, decoding: Decoding, seed: int | None
    ) -> Reply:
        """Generate for one conversation, trying again where the server is busy, broken or out of reach.

        Raises
        ------
        UnreachableError
            When no reply came however often it was tried.
        EngineError
            When the server refused this conversation, or what came is no reply.
        """
        await self._pace.wait()
        sampling: dict[str, Any] = {"temperature": decoding.temperature}
        if decoding.temperature > 0:
            sampling |= {"top_p": decoding.top_p, "seed": seed}
        try:
            # A server that hangs costs two times the timeout, and not as many as there are retries.
            async with asyncio.timeout(2 * self._settings.timeout):
                reply = await self._create(
                    description.model, conversation, decoding.max_new_tokens, description.dialect, sampling
                )
        except TimeoutError:
            raise UnreachableError(f"no answer within {2 * self._settings.timeout:g} seconds") from None
        except self._openai.APIStatusError as error:
            # Its message may quote the conversation.
            code = error_code(error.body)
            failure = (
                UnreachableError if error.status_code in (401, 403, 429) or error.status_code >= 500 else EngineError
            )
            raise failure(f"the server answered {error.status_code}{f' ({code})' if code else ''}") from None
        except self._openai.APITimeoutError:
            raise UnreachableError(f"no answer within {self._settings.timeout:g} seconds") from None
        except self._openai.OpenAIError as error:
            cause = f" ({type(error.__cause__).__name__})" if error.__cause__ else ""
            raise UnreachableError(f"the connection broke before the answer was there{cause}") from None
        if reply.model != description.reported:
            raise EngineError("another model answered than the one that was asked when the run began")
        return reply

    async def hold_reachable(self) -> None:
        """Find out quickly whether the server is there at all.

        Raises
        ------
        UnreachableError
            When it is not.
        """
        try:
            await self._client.with_options(max_retries=0, timeout=SIGN_OF_LIFE_TIMEOUT).models.with_raw_response.list()
        except self._openai.OpenAIError as error:
            # It is there, whatever it thinks of the question, unless it is a proxy that has lost its server.
            if getattr(error, "status_code", 500) >= 500:
                raise UnreachableError("the server is out of reach") from None

    async def _listed(self) -> dict[str, dict[str, Any]]:
        """Return the entries of the models that the server lists, by name; empty where it lists none."""
        try:
            answer = await self._client.with_options(
                timeout=SHORT_TIMEOUT, max_retries=1
            ).models.with_raw_response.list()
            data = answer.http_response.json()["data"]
            return {str(entry["id"]): entry for entry in data}
        except (self._openai.AuthenticationError, self._openai.PermissionDeniedError):
            raise
        except (self._openai.APIStatusError, ValueError, TypeError, KeyError):
            return {}

    async def _probe(self, model: str, *, token_ids: bool) -> tuple[Reply, Dialect]:
        refused: Exception | None = None
        for dialect in DIALECTS:
            chosen = replace(dialect, token_ids=token_ids)
            try:
                reply = await self._create(model, PROBE, PROBE_TOKENS, chosen, {"temperature": 0.0})
            except (self._openai.BadRequestError, self._openai.UnprocessableEntityError) as error:
                refused = error
                continue
            except EngineError as error:
                raise EngineError(f"{self._url}: {error}") from None
            return reply, replace(chosen, logprobs=reply.margin is not None)
        assert refused is not None
        raise refused

    async def _create(
        self, model: str, conversation: Conversation, limit: int, dialect: Dialect, sampling: dict[str, Any]
    ) -> Reply:
        extra = {"logprobs": True, "top_logprobs": 2} if dialect.logprobs else {}
        answer = await self._client.chat.completions.with_raw_response.create(
            model=model,
            messages=_messages(conversation),
            **{dialect.limit: limit},
            **sampling,
            **extra,
            extra_body={"return_token_ids": True} if dialect.token_ids else None,
        )
        return read_reply(answer.http_response.content)

    async def _ask_root(self, method: str, path: str, body: Any = None) -> dict[str, Any]:
        """Ask below the root of the server, where vLLM has what OpenAI's protocol lacks; empty where it refuses."""
        client = self._client.with_options(timeout=SHORT_TIMEOUT)
        url = f"{self._url.removesuffix('/v1')}/{path}"
        try:
            answer = await (
                client.get(url, cast_to=object) if method == "GET" else client.post(url, cast_to=object, body=body)
            )
        except (self._openai.APIStatusError, ValueError):
            return {}
        return answer if isinstance(answer, dict) else {}

    def _explain(self, error: Exception, model: str, listed: Sequence[str]) -> str:
        """Say why the server could not be described; the probe is harmless, so that its words may be shown."""
        if isinstance(error, self._openai.AuthenticationError | self._openai.PermissionDeniedError):
            return f"the server refuses the key ({KEY_VARIABLE}, status {error.status_code})"
        if isinstance(error, self._openai.NotFoundError):
            hint = f"it serves {', '.join(listed[:10])}" if listed else "most servers answer below /v1"
            return f"the server has no model {model!r} (--model), or no chat completions there (404); {hint}"
        if isinstance(error, self._openai.APIStatusError):
            return f"the server answered {error.status_code} to a harmless question: {first_line(error)}"
        if isinstance(error, self._openai.APITimeoutError):
            return "the server does not answer in time"
        return "the server cannot be reached; is it running?"


class UnreachableError(EngineError):
    """The server gave no reply at all, which another case would not fare better with."""


class _Pace:
    """Spaces requests evenly; the workers of a session share what is allowed."""

    def __init__(self, per_minute: float | None) -> None:
        workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
        self._gap = 60.0 * workers / per_minute if per_minute else 0.0
        self._next = 0.0

    async def wait(self) -> None:
        if not self._gap:
            return
        now = time.monotonic()
        turn = max(now, self._next)
        self._next = turn + self._gap
        await asyncio.sleep(turn - now)


def _messages(conversation: Conversation) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in conversation]
