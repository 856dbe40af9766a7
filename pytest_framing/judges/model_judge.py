"""A judge that is a model: asked in planned batches through the engines that generate, blind to framing and order."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from pytest_framing.engines.engine import Decoding
from pytest_framing.errors import JudgeError
from pytest_framing.judges import rules
from pytest_framing.judges.asking import Asking, JudgeSetup, Questioner, seed_of
from pytest_framing.judges.quoting import mark_of, quote
from pytest_framing.judges.vote import SAMPLED_PERCENT, Tally
from pytest_framing.records import Verdict, VerdictLabel

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_framing.engines.engine import Engine
    from pytest_framing.judges.formats import JudgeFormat
    from pytest_framing.records import Case, Response

SHOWN_OUTPUT = 80
"""Characters of an output that stand in a verdict's evidence."""


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
        self._format, self._setup = format_, setup
        self._votes, self._percent = votes, percent
        self._questioner = Questioner(engine, setup)
        voting = f"*{votes}>{percent}%" if votes > 1 else ""
        self.label = f"{name or format_.name}/{format_.version}@{self._questioner.weights}{voting}"

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
        decoding = Decoding(self._format.max_new_tokens, temperature=1.0 if self._votes > 1 else 0.0)
        outputs = self._questioner.ask([asking for _, asking in askings], decoding, str(repeat))
        said: dict[int, list[str | None]] = defaultdict(list)
        for (place, _), output in zip(askings, outputs, strict=True):
            said[place].append(output)
        for place, answers in said.items():
            case, response = items[place]
            left_out = max(0, len(response.answer) - self._format.longest)
            verdicts[place] = self._verdict(case, answers, left_out)
        return [verdicts[place] for place in range(len(items))]

    def close(self) -> None:
        """Release the model."""
        self._questioner.close()

    def _asking(self, case: Case, response: Response, repeat: int, vote: int) -> Asking:
        request = self._setup.request(case) if self._format.needs_request else ""
        answer = quote(response.answer, self._format.longest).text
        asked = quote(request, self._format.longest).text
        mark = mark_of(self._setup.seed + repeat, response.answer)
        return Asking(self._format.write(asked, answer, mark), seed_of(self._setup.seed, repeat, *case.key, vote))

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
