"""A server that speaks OpenAI's protocol (vLLM, SGLang, TGI, hosted models): it has the weights and the template."""

from __future__ import annotations

import asyncio
import importlib.metadata
import json
import time
from functools import cached_property
from typing import TYPE_CHECKING

from pytest_framing.engines.engine import BatchRequest, Completion, EngineIdentity
from pytest_framing.engines.engine_settings import read_engine_settings
from pytest_framing.engines.harmony import is_harmony
from pytest_framing.engines.reasoning import OPEN, closes_unopened, opens_reasoning
from pytest_framing.engines.server import PROBE, Server, ServerDescription, ServerSettings, UnreachableError, base_url
from pytest_framing.engines.transformers import TransformersEngine
from pytest_framing.errors import EngineError
from pytest_framing.records import text_digest
from pytest_framing.shapes import free_shape

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from typing import TypeVar

    from pytest_framing.engines.engine import Conversation, Decoding, EngineOptions
    from pytest_framing.engines.server_reply import Reply
    from pytest_framing.shapes import BatchLimits, Shape

    Answer = TypeVar("Answer")

NAME = "openai"
DEFAULT_BATCH_SIZE = 32
UNKNOWN_WINDOW = 2**31


class OpenAIEngine:
    """Sends conversations to a server, a batch at a time, and takes its replies.

    The server renders the chat template and schedules by itself, so that nothing is promised about neighbours. Tokens
    are counted by the tokenizer of a local folder, where one was named, or by the server, where it can; else they are
    unknown (0) until replies tell.
    """

    def __init__(self, options: EngineOptions) -> None:
        """Take the options; no server is asked yet.

        Raises
        ------
        SettingsError
            For a URL or a setting that cannot be used.
        """
        self._options = options
        self._url = base_url(options.base_url)
        self._settings = read_engine_settings(ServerSettings, NAME, options.settings)
        self._local = TransformersEngine(options) if options.model.folder else None
        self._runner: asyncio.Runner | None = None
        self._server: Server | None = None
        self._silent = False

    def identity(self) -> EngineIdentity:
        """Ask the server what it is, and put one harmless question to it.

        Raises
        ------
        EngineError
            When the server cannot be asked, or is another model than the local tokenizer's.
        """
        described = self._description
        local = self._local.identity() if self._local else None
        seen = {
            "server": described.software,
            "served_model": described.reported,
            "system_fingerprint": described.system_fingerprint,
        }
        return EngineIdentity(
            name=NAME,
            version=importlib.metadata.version("openai"),
            invariance="none",
            window=described.window or (local.window if local else UNKNOWN_WINDOW),
            template_digest=f"server's {text_digest(described.template)}" if described.template else "server's own",
            tokenizer_digest=local.tokenizer_digest if local else "",
            # Nobody can see from here what the server has loaded.
            weights_digest="",
            revision="",
            # Each request carries its own seed; max_answer_tokens has no counterpart in the protocol.
            obeys=frozenset(("temperature", "deadline")),
            libraries={name: value for name, value in seen.items() if value},
        )

    def render(self, conversation: Conversation) -> str:
        """Return the conversation as the template writes it, where that can be known, or else as it is sent.

        Raises
        ------
        EngineError
            When the template refuses the conversation.
        """
        if self._local is not None:
            return self._local.render(conversation)
        if self._description.template is not None:
            rendered = self._ask(lambda server: server.render(self._description, conversation))
            if rendered is not None:
                return rendered
        return json.dumps([[message.role, message.content] for message in conversation])

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        """Count by the local tokenizer or by the server; 0 each where neither can.

        Raises
        ------
        EngineError
            When a template refuses a conversation.
        """
        if self._local is not None:
            return self._local.count_tokens(conversations)
        if self._description.template is None:
            return [0] * len(conversations)
        return self._ask(lambda server: self._count(server, conversations))

    def count_shared(self, conversation: Conversation) -> int:
        """Return 0: what a server computes once is its own affair."""
        return 0

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Send as many at a time as the suite allows; nothing is padded."""
        return free_shape(limits)

    def start(self) -> None:
        """Keep connections from here on."""
        self._runner = asyncio.Runner()
        self._server = self._runner.run(self._connect())

    def run(self, request: BatchRequest) -> list[Completion]:
        """Send every conversation of the batch at once, or one after the other where the batch has no shape.

        Raises
        ------
        EngineError
            When nothing of the batch before was answered, and the server is still out of reach.
        """
        if self._runner is None or self._server is None:
            raise EngineError("the engine was not started")
        if request.decoding.max_answer_tokens is not None:
            raise EngineError("decoding.max_answer_tokens: a server bounds reasoning and answer together alone")
        return self._runner.run(self._run(self._server, request))

    def close(self) -> None:
        """Close the connections."""
        if self._runner is not None:
            if self._server is not None:
                self._runner.run(self._server.close())
            self._runner.close()
        self._runner = self._server = None

    async def _connect(self) -> Server:
        return Server(self._url, self._settings)

    def _ask(self, question: Callable[[Server], Awaitable[Answer]]) -> Answer:
        """Ask the server while planning, over connections that are closed again."""

        async def ask() -> Answer:
            async with Server(self._url, self._settings) as server:
                return await question(server)

        return asyncio.run(ask())

    async def _count(self, server: Server, conversations: Sequence[Conversation]) -> list[int]:
        turns = asyncio.Semaphore(self._settings.concurrency or DEFAULT_BATCH_SIZE)

        async def count(conversation: Conversation) -> int:
            async with turns:
                return len(await server.tokens(self._description, conversation))

        return list(await asyncio.gather(*map(count, conversations)))

    @cached_property
    def _description(self) -> ServerDescription:
        names = self._options.model.served or (self._options.model.name,)
        described = self._ask(lambda server: server.describe(names))
        if self._local is not None and described.prompt_tokens is not None:
            ours = self._local.count_tokens([PROBE])[0]
            if ours != described.prompt_tokens:
                raise EngineError(
                    f"{self._options.model.location}: its tokenizer makes {ours} tokens of a question of which the "
                    f"server makes {described.prompt_tokens}: the server has another model or another chat template, "
                    "or one of the two writes the first token twice"
                )
        return described

    @cached_property
    def _opens_reasoning(self) -> bool | None:
        """Whether the chat template opens the reasoning itself; ``None`` where nobody shows the template."""
        text = self._local.render(PROBE) if self._local else self._description.template
        return None if text is None else opens_reasoning(text)

    async def _run(self, server: Server, request: BatchRequest) -> list[Completion]:
        if self._silent:
            await server.hold_reachable()
        at_once = 1 if request.rows == 0 else self._settings.concurrency or request.rows
        turns = asyncio.Semaphore(at_once)
        ends = time.monotonic() + request.decoding.deadline if request.decoding.deadline else None
        seeds = request.seeds or (None,) * len(request.conversations)
        self._silent = True
        return list(
            await asyncio.gather(
                *(
                    self._answer(server, conversation, request.decoding, seed, turns, ends)
                    for conversation, seed in zip(request.conversations, seeds, strict=True)
                )
            )
        )

    async def _answer(
        self,
        server: Server,
        conversation: Conversation,
        decoding: Decoding,
        seed: int | None,
        turns: asyncio.Semaphore,
        ends: float | None,
    ) -> Completion:
        """Answer one conversation; whatever goes wrong with it is its own error."""
        async with turns:
            started = time.monotonic()
            try:
                async with asyncio.timeout(None if ends is None else max(0.0, ends - started)):
                    reply = await server.complete(self._description, conversation, decoding, seed)
            except TimeoutError:
                return Completion("", False, "timeout", 0, 0, started, time.monotonic() - started)
            except UnreachableError as error:
                return Completion.failed(str(error), started)
            except Exception as error:
                # A server can do what no list foresees, and one case's surprise is not its neighbours'.
                self._silent = False
                message = str(error) if isinstance(error, EngineError) else type(error).__name__
                return Completion.failed(message, started)
            self._silent = False
            return self._completion(conversation, reply, started)

    def _completion(self, conversation: Conversation, reply: Reply, started: float) -> Completion:
        prompt_tokens = reply.prompt_tokens
        if prompt_tokens is None:
            prompt_tokens = self._local.count_tokens([conversation])[0] if self._local else 0
        return Completion(
            text=reply.text,
            opened_reasoning=self._opened(reply),
            finish_reason=reply.finish_reason,
            prompt_tokens=prompt_tokens,
            new_tokens=len(reply.token_ids) or reply.new_tokens or 0,
            started=started,
            seconds=time.monotonic() - started,
            token_ids=reply.token_ids,
            margin=reply.margin,
        )

    def _opened(self, reply: Reply) -> bool:
        """Whether the text begins inside a reasoning that the template opened."""
        if reply.text.lstrip().startswith(OPEN) or is_harmony(reply.text):
            return False
        if self._opens_reasoning is not None:
            return self._opens_reasoning
        if closes_unopened(reply.text):
            return True
        # Nobody shows the template, and the text ran into the limit: it may be all reasoning, and then there is no
        # answer. A server that answered the probe plainly has shown that it does not reason unasked.
        return reply.finish_reason == "length" and not self._description.plain
