"""A judge that is a model: asked in planned batches through the engines that generate, blind to framing and order."""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pytest_framing.engines.engine import BatchRequest, Decoding
from pytest_framing.engines.reasoning import split_reasoning
from pytest_framing.errors import EngineError, JudgeError, PromptError
from pytest_framing.judges import rules
from pytest_framing.judges.quoting import mark_of, quote
from pytest_framing.judges.vote import SAMPLED_PERCENT, Tally
from pytest_framing.records import Verdict, VerdictLabel
from pytest_framing.shapes import BatchLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_framing.engines.engine import Conversation, Engine
    from pytest_framing.judges.formats import JudgeFormat
    from pytest_framing.records import Case, Response
    from pytest_framing.shapes import Shape

SHOWN_OUTPUT = 80
"""Characters of an output that stand in a verdict's evidence."""


@dataclass(frozen=True)
class JudgeSetup:
    """What a model judge is started with.

    ``request`` returns what a case asked, without framing or suffix, for judges that were trained on it; it raises
    :class:`JudgeError` where that is not at hand. ``seed`` decides marks, draws and the order of judging.
    """

    request: Callable[[Case], str]
    seed: int = 0
    rows: int = 16
    batch_tokens: int = 32_768


class Asking(NamedTuple):
    """One question to a judge: a conversation, the seed of its draws, and how much of the response it leaves out."""

    conversation: Conversation
    seed: int
    left_out: int


class ModelJudge:
    """One model, one prompt format.

    Parameters
    ----------
    format_
        How it is asked and read.
    engine
        Where the model runs; started at the first question.
    setup
        Seed, requests and batch limits.
    votes
        How often it is asked about one response: once greedily, or several times at temperature 1.
    percent
        Share of the votes above which a response is a refusal.
    name
        What the judge is called, where the format does not say it.
    """

    def __init__(
        self,
        format_: JudgeFormat,
        engine: Engine,
        setup: JudgeSetup,
        votes: int = 1,
        percent: int = SAMPLED_PERCENT,
        name: str = "",
    ) -> None:
        self._format, self._engine, self._setup = format_, engine, setup
        self._votes, self._percent = votes, percent
        identity = engine.identity()
        weights = (identity.weights_digest.removeprefix("sha256:") or identity.revision)[:8]
        self._window = identity.window
        self._started = False
        voting = f"*{votes}>{percent}%" if votes > 1 else ""
        self.label = f"{name or format_.name}/{format_.version}@{weights or 'unknown'}{voting}"

    def judge(self, case: Case, response: Response) -> Verdict:
        """Judge one response."""
        return self.judge_many([(case, response)])[0]

    def judge_many(self, items: Sequence[tuple[Case, Response]], repeat: int = 0) -> list[Verdict]:
        """Judge responses in batches, in an order that says nothing of their framing.

        Parameters
        ----------
        items
            Cases, which lend their ids and their requests, with their responses.
        repeat
            0 the first time; every other number asks anew, between other marks and with other draws.

        Raises
        ------
        JudgeError
            When a request is not at hand, or the engine fails.
        """
        verdicts: dict[int, Verdict] = {}
        askings: list[tuple[int, Asking]] = []
        for place, (case, response) in enumerate(items):
            reason = rules.unjudgeable(
                response.answer, finish_reason=response.finish_reason, reasoning_cut=response.reasoning_cut
            )
            if reason:
                verdicts[place] = Verdict.on(case, self.label, VerdictLabel.INVALID, reason)
            else:
                askings += [(place, self._asking(case, response, repeat, vote)) for vote in range(self._votes)]
        outputs = self._outputs([asking for _, asking in askings], repeat)
        said: dict[int, list[str | None]] = defaultdict(list)
        left_out = {place: asking.left_out for place, asking in askings}
        for (place, _), output in zip(askings, outputs, strict=True):
            said[place].append(output)
        for place, answers in said.items():
            verdicts[place] = self._verdict(items[place][0], answers, left_out[place])
        return [verdicts[place] for place in range(len(items))]

    def _asking(self, case: Case, response: Response, repeat: int, vote: int) -> Asking:
        request = self._setup.request(case) if self._format.needs_request else ""
        longest = self._format.longest
        answer, left_out = quote(response.answer, longest)
        asked = quote(request, longest).text
        mark = mark_of(self._setup.seed + repeat, response.answer)
        parts = (str(self._setup.seed), str(repeat), *case.key, str(vote))
        digest = hashlib.sha256("\x1f".join(parts).encode("utf-8", "surrogatepass")).digest()
        return Asking(self._format.write(asked, answer, mark), int.from_bytes(digest[:8]) >> 1, left_out)

    def _outputs(self, askings: Sequence[Asking], repeat: int) -> list[str | None]:
        """Ask in batches of planned shape; nothing stands for what the model could not be asked."""
        outputs: list[str | None] = [None] * len(askings)
        counts = self._engine.count_tokens([asking.conversation for asking in askings])
        limits = BatchLimits(self._setup.rows, self._setup.batch_tokens)
        by_shape: dict[Shape, list[int]] = defaultdict(list)
        order = [*range(len(askings))]
        random.Random(f"{self._setup.seed} {repeat}").shuffle(order)
        for place in order:
            if counts[place] + self._format.max_new_tokens <= self._window:
                try:
                    by_shape[self._engine.shape(counts[place], limits)].append(place)
                except PromptError:
                    continue
        decoding = Decoding(self._format.max_new_tokens, temperature=1.0 if self._votes > 1 else 0.0)
        for shape, places in sorted(by_shape.items()):
            for start in range(0, len(places), shape.rows):
                batch = places[start : start + shape.rows]
                for place, output in zip(
                    batch, self._run([askings[one] for one in batch], shape, decoding), strict=True
                ):
                    outputs[place] = output
        return outputs

    def _run(self, batch: Sequence[Asking], shape: Shape, decoding: Decoding) -> list[str | None]:
        if not self._started:
            self._engine.start()
            self._started = True
        request = BatchRequest(
            [asking.conversation for asking in batch],
            shape.rows,
            shape.length,
            decoding,
            seeds=[asking.seed for asking in batch],
        )
        try:
            completions = self._engine.run(request)
        except EngineError as error:
            raise JudgeError(f"{self.label}: {error}") from None
        if len(completions) != len(batch):
            raise JudgeError(f"{self.label}: the engine answered {len(completions)} of {len(batch)} questions")
        # A judge that reasons may do so; only what follows its reasoning is its answer.
        parts = [split_reasoning(one.text, opened=one.opened_reasoning) for one in completions]
        return [None if one.error or part.cut else part.answer for one, part in zip(completions, parts, strict=True)]

    def _verdict(self, case: Case, outputs: Sequence[str | None], left_out: int) -> Verdict:
        labels = [self._format.read(output) if output is not None else None for output in outputs]
        note = f" ({left_out} characters of the answer were left out)" if left_out else ""
        if self._votes > 1:
            tally = Tally.of(label or VerdictLabel.INVALID for label in labels)
            return Verdict.on(case, self.label, *tally.decide(self._percent), tally.text() + note)
        (output,), (label,) = outputs, labels
        if output is None:
            return Verdict.on(case, self.label, VerdictLabel.INVALID, "not_answered", note.strip())
        shown = repr(output[:SHOWN_OUTPUT])
        rule = "said" if label else "unparsable"
        return Verdict.on(case, self.label, label or VerdictLabel.INVALID, rule, shown + note)


def no_requests(case: Case) -> str:
    """Say that the requests are not at hand."""
    raise JudgeError(
        f"case {case.id}: this judge reads the request together with the answer, and requests are not part of a run; "
        "name their file (--prompts FILE)"
    )


def requests_from(texts: Mapping[tuple[str, str], str]) -> Callable[[Case], str]:
    """Return a reader of requests by suite and content digest.

    Parameters
    ----------
    texts
        What was asked, by suite and digest of the prompt's content: another prompt of the same id is not taken for it.
    """

    def request(case: Case) -> str:
        text = texts.get((case.suite, case.prompt_digest))
        if text is None:
            raise JudgeError(
                f"case {case.id}: the prompts at hand do not hold what it asked (by content digest); name the file "
                "that the run was made from (--prompts FILE)"
            )
        return text

    return request
