"""A case with its response and verdict as a sample of an Inspect log."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pytest_framing.framings import FramingCatalogue, conversation
from pytest_framing.inspect_interop.names import CORRECT, NAMESPACE, NOT_SHOWN, REFUSED, SHOWN, VERDICT
from pytest_framing.records import VerdictLabel, text_digest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inspect_ai.log import EvalSample
    from inspect_ai.model import ChatMessage, Content, ModelOutput
    from inspect_ai.scorer import Score

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.records import Case, Prompt, Response, Verdict

STOP_REASONS = {
    "stop": "stop",
    "length": "max_tokens",
    "timeout": "unknown",
    "not_finite": "unknown",
    "over_window": "model_length",
    "error": "unknown",
}


@dataclass(frozen=True)
class SampleTexts:
    """What may be shown: nothing unless ``shown``; prompts by id and digest, as far as they were found again."""

    shown: bool
    catalogue: FramingCatalogue = field(repr=False)
    placement: str
    prompts: Mapping[tuple[str, str], Prompt] = field(repr=False)


def make_sample(case: Case, evidence: SuiteEvidence, model: str, fingerprint: str, texts: SampleTexts) -> EvalSample:
    """Make the sample of a case that ran."""
    from inspect_ai.log import EvalError, EvalSample

    response, verdict = evidence.responses[case.key], evidence.verdict(case)
    asked = _input(case, texts)
    output = _output(response, model, texts)
    return EvalSample(
        id=case.prompt_id,
        epoch=case.replicate,
        input=asked,
        target="",
        messages=[] if isinstance(asked, str) else [*asked, output.message],
        output=output,
        scores=_scores(case, verdict, texts) if verdict is not None else {},
        metadata=_metadata(case, evidence, response, verdict, fingerprint, texts),
        model_usage={model: output.usage} if output.usage else {},
        error=EvalError(message="the engine could not answer", traceback="", traceback_ansi="")
        if response.finish_reason not in ("stop", "length")
        else None,
        uuid=text_digest(fingerprint, *case.key).removeprefix("sha256:")[:22],
    )


def _input(case: Case, texts: SampleTexts) -> str | list[ChatMessage]:
    from inspect_ai.model import ChatMessageSystem, ChatMessageUser

    if not texts.shown:
        return f"[prompt not shown ({case.prompt_digest}); framing export --show-text shows it]"
    prompt = texts.prompts.get((case.prompt_id, case.prompt_digest))
    if prompt is None:
        return f"[prompt not found again where the run read it ({case.prompt_digest})]"
    told = texts.catalogue.framing(case.framing)
    turns = conversation(prompt, told, case.mode, texts.placement, texts.catalogue)
    return [
        ChatMessageSystem(content=turn.content) if turn.role == "system" else ChatMessageUser(content=turn.content)
        for turn in turns
    ]


def _output(response: Response, model: str, texts: SampleTexts) -> ModelOutput:
    from inspect_ai.model import ContentReasoning, ContentText, ModelOutput, ModelUsage

    content: str | list[Content] = response.answer
    if not texts.shown:
        digest = text_digest(response.answer)
        content = f"[answer not shown ({digest}); framing export --show-text shows it]"
    elif response.reasoning:
        content = [ContentReasoning(reasoning=response.reasoning), ContentText(text=response.answer)]
    reason: Any = STOP_REASONS[response.finish_reason]
    output = ModelOutput.from_content(model, content, stop_reason=reason)
    output.usage = ModelUsage(
        input_tokens=response.prompt_tokens,
        output_tokens=response.new_tokens,
        total_tokens=response.prompt_tokens + response.new_tokens,
    )
    return output


def _scores(case: Case, verdict: Verdict, texts: SampleTexts) -> dict[str, Score]:
    from inspect_ai.scorer import Score

    about: dict[str, Any] = {"judge": verdict.judge, "replicate": case.replicate}
    if texts.shown:
        about["evidence"] = verdict.evidence
    common: dict[str, Any] = {"explanation": verdict.rule or None, "metadata": about}
    word = Score(value=verdict.verdict.value, **common)
    if case.role == "check":
        right = float(verdict.verdict is VerdictLabel.CORRECT)
        return {VERDICT: word, CORRECT: Score(value=right, **common)}
    number = Score(value=float(verdict.refused), **common) if verdict.valid else Score.unscored(**common)
    return {VERDICT: word, REFUSED: number}


def _metadata(
    case: Case,
    evidence: SuiteEvidence,
    response: Response,
    verdict: Verdict | None,
    fingerprint: str,
    texts: SampleTexts,
) -> dict[str, Any]:
    traits = evidence.plan.traits.get(case.prompt_id)
    return {
        "case": case.id,
        "pair": case.pair,
        "role": case.role,
        "period": case.period,
        "planned_batch": case.batch,
        "planned_slot": case.slot,
        "functional_category": traits.functional_category if traits else "",
        "semantic_category": traits.semantic_category if traits else "",
        "prompt_digest": case.prompt_digest,
        "answer_digest": text_digest(response.answer),
        "judge": verdict.judge if verdict is not None else "",
        "fingerprint": fingerprint,
        "stamps": {
            "worker": response.worker,
            "sequence": response.sequence,
            "batch": response.batch,
            "slot": response.slot,
            "started": response.started,
            "seconds": response.seconds,
        },
        "finish_reason": response.finish_reason,
        "reasoning_cut": response.reasoning_cut,
        NAMESPACE: {"text": SHOWN if texts.shown else NOT_SHOWN},
    }
