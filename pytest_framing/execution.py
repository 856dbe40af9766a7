"""Lazy execution of planned batches: the first case of a batch runs it, its siblings read their results."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pytest_framing.engines.engine import BatchRequest, Completion
from pytest_framing.engines.reasoning import split_reasoning
from pytest_framing.errors import EngineError, JudgeError, LedgerError, first_line
from pytest_framing.judges.noise import is_sampled, judged_again
from pytest_framing.judges.vote import close_judge, judge_all
from pytest_framing.records import Batch, Case, CaseKey, Response, Verdict, text_digest
from pytest_framing.resuming import Recorded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pytest_framing.engines.engine import Conversation, Decoding, Engine
    from pytest_framing.judges.judge import Judge
    from pytest_framing.ledger import LedgerWriter
    from pytest_framing.plan import Plan


def case_seed(case: Case) -> int:
    """Seed of a case's own generator: it depends on its id alone, so not on what runs beside it."""
    return int.from_bytes(hashlib.sha256("\x1f".join(case.key).encode("utf-8", "surrogatepass")).digest()[:8]) >> 1


def tokens_digest(tokens: Sequence[int]) -> str:
    """Digest of an answer's token ids, empty without any: equal answers, not merely alike to read."""
    return text_digest(",".join(map(str, tokens))) if tokens else ""


@dataclass
class CaseRunner:
    """Runs cases of a plan on one engine, and logs each response and verdict once, for the case that was asked for.

    Parameters
    ----------
    plan
        The plan of the session.
    engine
        Started engine.
    judges, checks
        The judge of each suite's prompts, and of its manipulation check, by the suite's name.
    ledger
        Where this worker's lines go.
    converse
        Makes the conversation of a case.
    decoding
        How each suite chooses new tokens, by its name.
    worker
        Name of this worker, for the stamps.
    judge_noise
        Share of its responses that the judge of each suite judges twice, by the suite's name.
    recorded
        What earlier sessions of the run logged: it is neither run nor logged again.
    """

    plan: Plan
    engine: Engine
    judges: Mapping[str, Judge]
    checks: Mapping[str, Judge]
    ledger: LedgerWriter
    converse: Callable[[Case], Conversation]
    decoding: Mapping[str, Decoding]
    worker: str
    judge_noise: Mapping[str, float] = field(default_factory=dict)
    recorded: Recorded = field(default_factory=Recorded)
    _computed: dict[CaseKey, Response] = field(default_factory=dict, init=False)
    _logged: set[CaseKey] = field(default_factory=set, init=False)
    _verdicts: dict[CaseKey, Verdict] = field(default_factory=dict, init=False)
    _errors: dict[CaseKey, str] = field(default_factory=dict, init=False)
    _failures: dict[str, str] = field(default_factory=dict, init=False)
    _judged: dict[CaseKey, Verdict] = field(default_factory=dict, init=False)
    _again: dict[CaseKey, Verdict] = field(default_factory=dict, init=False)
    _sequence: int = field(default=0, init=False)

    def response(self, case: Case) -> Response:
        """Return the response of a case, running its batch if no sibling has yet.

        Raises
        ------
        EngineError
            When the engine failed on the batch, or on this case alone.
        OutputError
            When the ledger cannot be written.
        """
        recorded = self.recorded.responses.get(case.key)
        if recorded is not None:
            return recorded
        if case.key not in self._computed and case.key not in self._errors:
            self._run(self.plan.batches[case.batch])
        if case.key in self._errors:
            raise EngineError(self._errors[case.key])
        response = self._computed[case.key]
        if case.key not in self._logged:
            self.ledger.add_response(response)
            self._logged.add(case.key)
        return response

    def verdict(self, case: Case) -> Verdict:
        """Judge the response of a case, once.

        Raises
        ------
        EngineError, OutputError
            As for :meth:`response`.
        LedgerError
            When a response that was lost and ran again does not get the verdict on record.
        """
        if case.key not in self._verdicts:
            self._verdicts[case.key] = self._judge(case)
        return self._verdicts[case.key]

    def close(self) -> None:
        """Close the ledger, and release the device and what judges hold."""
        self.ledger.close()
        self.engine.close()
        for judge in self.judges.values():
            close_judge(judge)

    def _judge(self, case: Case) -> Verdict:
        before = self.recorded.verdicts.get(case.key)
        if before is not None and case.key in self.recorded.responses:
            return before
        judges = self.checks if case.role == "check" else self.judges
        response = self.response(case)
        try:
            verdict = self._ask(judges[case.suite], case, response)
        except JudgeError as error:
            raise JudgeError(f"case {case.id}: {error}") from None
        except Exception as error:
            # Its message may quote the answer, and a traceback would print it.
            raise JudgeError(f"case {case.id}: the judge broke ({type(error).__name__})") from None
        if before is None:
            self.ledger.add_verdict(verdict)
            again = self._again.pop(case.key, None)
            if again is not None:
                self.ledger.add_verdict(replace(again, judge=judged_again(again.judge)))
        elif verdict != before:
            # A power failure may keep a verdict and lose its response, which then ran once more.
            raise LedgerError(
                f"case {case.id}: its response was lost and ran again, and its verdict is no longer the recorded one; "
                "this run cannot be completed"
            )
        return verdict

    def _ask(self, judge: Judge, case: Case, response: Response) -> Verdict:
        """Ask the judge; about all of the batch at once where it can, as a model is slow to ask one by one."""
        if not hasattr(judge, "judge_many"):
            return judge.judge(case, response)
        if case.key not in self._judged:
            siblings = [self.plan.cases[case.suite, name] for name in self.plan.batches[case.batch].case_ids]
            others = [
                (one, known)
                for one in siblings
                if one.key != case.key
                and one.key not in self._verdicts
                and one.key not in self.recorded.verdicts
                # Of an answer on record, the record counts, and not what a batch that ran again said.
                and (known := self.recorded.responses.get(one.key) or self._computed.get(one.key)) is not None
            ]
            items = [(case, response), *others]
            self._judged |= {verdict.key: verdict for verdict in judge_all(judge, items)}
            share = self.judge_noise.get(case.suite, 0.0)
            twice = [item for item in items if is_sampled(item[0].key, share)]
            self._again |= {verdict.key: verdict for verdict in judge_all(judge, twice, 1)}
        return self._judged.pop(case.key)

    def _run(self, batch: Batch) -> None:
        cases = [self.plan.cases[batch.suite, case_id] for case_id in batch.case_ids]
        request = BatchRequest(
            [self.converse(case) for case in cases],
            batch.rows,
            batch.length,
            self.decoding[batch.suite],
            batch.prefix,
            [case_seed(case) for case in cases],
            fresh=any(case.replicate > 1 for case in cases),
        )
        completions = self._complete(batch, request)
        for slot, (case, completion) in enumerate(zip(cases, completions, strict=True)):
            self._sequence += 1
            if completion.error:
                self._errors[case.key] = f"case {case.id}: {completion.error}"
                continue
            parts = split_reasoning(completion.text, opened=completion.opened_reasoning)
            self._computed[case.key] = Response(
                suite=case.suite,
                case_id=case.id,
                answer=parts.answer,
                reasoning=parts.reasoning,
                reasoning_cut=parts.cut,
                finish_reason=completion.finish_reason,
                prompt_tokens=completion.prompt_tokens,
                new_tokens=completion.new_tokens,
                worker=self.worker,
                sequence=self._sequence,
                batch=batch.id,
                slot=slot,
                started=completion.started,
                seconds=completion.seconds,
                rows=completion.rows,
                length=completion.length,
                margin=completion.margin,
                tokens_digest=tokens_digest(completion.token_ids),
            )

    def _complete(self, batch: Batch, request: BatchRequest) -> list[Completion]:
        if not batch.fits:
            return [Completion("", False, "over_window", 0, 0, time.monotonic(), 0.0) for _ in request.conversations]
        if batch.id in self._failures:
            raise EngineError(self._failures[batch.id])
        try:
            completions = self.engine.run(request)
            if len(completions) != len(request.conversations):
                raise EngineError(f"the engine answered {len(completions)} of {len(request.conversations)} cases")
        except Exception as error:
            # Devices and libraries raise their own kinds. Whatever it was, the siblings need not meet it again, and a
            # traceback through the model's code would print the arguments that hold the prompt.
            self._failures[batch.id] = f"batch {batch.id}: {first_line(error)}"
            raise EngineError(self._failures[batch.id]) from error
        return completions
