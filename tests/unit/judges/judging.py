"""A scripted model and cases, for tests of judges that are models."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pytest_framing.engines.engine import BatchRequest, Completion, Conversation, EngineIdentity
from pytest_framing.errors import JudgeError
from pytest_framing.judges.asking import JudgeSetup
from pytest_framing.records import Case, Response
from pytest_framing.shapes import BatchLimits, Shape, fixed_shape


class ScriptedModel:
    """An engine whose model says what a function makes of the conversation and the seed."""

    def __init__(self, says: Callable[[str, int], str], window: int = 100_000) -> None:
        self._says, self._window = says, window
        self.requests: list[BatchRequest] = []
        self.started = self.closed = 0

    def identity(self) -> EngineIdentity:
        """Return an identity with made-up digests."""
        return EngineIdentity("scripted", "1", "fixed_shape", self._window, "", "", "sha256:abcdef0123", "")

    def render(self, conversation: Conversation) -> str:
        """Join the turns."""
        return "\n".join(message.content for message in conversation)

    def count_tokens(self, conversations: Sequence[Conversation]) -> list[int]:
        """Count characters."""
        return [len(self.render(one)) for one in conversations]

    def count_shared(self, conversation: Conversation) -> int:
        """Nothing is shared."""
        return 0

    def shape(self, tokens: int, limits: BatchLimits) -> Shape:
        """Pad to buckets."""
        return fixed_shape(tokens, limits)

    def start(self) -> None:
        """Count the starts."""
        self.started += 1

    def run(self, request: BatchRequest) -> list[Completion]:
        """Say it."""
        self.requests.append(request)
        texts = [
            self._says(self.render(one), seed) for one, seed in zip(request.conversations, request.seeds, strict=True)
        ]
        return [Completion(text, False, "stop", 1, 1, 0.0, 0.0) for text in texts]

    def close(self) -> None:
        """Count the ends."""
        self.closed += 1

    @property
    def asked(self) -> list[str]:
        """Every conversation, in the order in which it was run."""
        return [self.render(one) for request in self.requests for one in request.conversations]


def setup(seed: int = 1, request: str | None = None) -> JudgeSetup:
    """Start judges with a seed, and with one request for every case, or none at hand."""

    def read(case: Case) -> str:
        if request is None:
            raise JudgeError(f"{case.id}: no request")
        return request

    return JudgeSetup(read, seed, rows=4)


def item(answer: str, number: int = 0, framing: str = "free", finish: str = "stop") -> tuple[Case, Response]:
    """Return a case with its response."""
    name = f"p{number}-{framing}-standard"
    case = Case(name, "s", f"p{number}", "", framing, "standard", 1, "pair", f"p{number}", 1, "b", 0)
    return case, Response("s", name, answer, "", False, finish, 1, 1, "main", 1, "b", 0, 0.0, 0.0)  # type: ignore[arg-type]
