"""The fingerprint: every setting that can change a result, in one document with a digest."""

from __future__ import annotations

from collections.abc import Mapping  # a record read back is held to its annotations
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest_framing
from pytest_framing.device import device
from pytest_framing.json_documents import document_digest
from pytest_framing.records import FORCING_MODE, text_digest
from pytest_framing.typed_records import flat_fields

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.engines.engine import EngineIdentity, EngineOptions
    from pytest_framing.framings import FramingCatalogue, Question
    from pytest_framing.plan import SuitePlan
    from pytest_framing.suite import Suite

DECIDING = (
    "framings",
    "modes",
    "demonstrations",
    "template",
    "placement",
    "decoding",
    "execution",
    "quantization",
    "dtype",
    "judge",
)
"""Fields that have to agree before two runs may be compared. The digests of shared prompts are compared one by one."""


@dataclass(frozen=True)
class Fingerprint:
    """The protocol of one suite's run.

    ``deciding`` fields must agree for a comparison, ``subject`` is what a comparison is about, ``informing`` is the
    rest.
    """

    deciding: Mapping[str, Any]
    subject: Mapping[str, Any]
    informing: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        """Entry of results and baselines."""
        return {
            "deciding": dict(self.deciding),
            "subject": dict(self.subject),
            "informing": dict(self.informing),
        }

    @cached_property
    def digest(self) -> str:
        """Digest of the whole document."""
        return document_digest(self.document())


@dataclass(frozen=True)
class RenderedFraming:
    """How one framing looks to the model around an empty request: the digest of the text, and its length in tokens."""

    text_digest: str
    tokens: int


def fingerprint(
    suite: Suite,
    plan: SuitePlan,
    catalogue: FramingCatalogue,
    rendered: Mapping[str, RenderedFraming],
    engine: EngineIdentity,
    options: EngineOptions,
    judge: str,
    questions: Sequence[Question] = (),
    demonstrations: Mapping[str, Any] | None = None,
) -> Fingerprint:
    """Collect the fingerprint of one suite.

    Parameters
    ----------
    suite
        With profile and overrides applied.
    plan
        Its plan.
    catalogue
        The texts in use.
    rendered
        Each framing as rendered around an empty request.
    engine, options
        What generates.
    judge
        Label of the judge.
    questions
        Questions of the manipulation check that the plan asks.
    demonstrations
        What stands before the requests, without its texts, where anything does.
    """
    names = (suite.framings.reference, suite.framings.treatment, suite.framings.placebo)
    prefix_reuse = any(batch.prefix for batch in plan.batches)
    execution: dict[str, Any] = {"mode": suite.execution.mode, "prefix_reuse": prefix_reuse}
    if suite.execution.deadline is not None:
        execution["deadline"] = suite.execution.deadline
    if suite.execution.mode == "batched":
        execution |= {"batch_size": suite.execution.batch_size, "batch_tokens": suite.execution.batch_tokens}
    deciding = {
        "framings": {
            role: {
                "name": name,
                "message": catalogue.framing(name).message,
                "rendered_digest": rendered[name].text_digest,
                "rendered_tokens": rendered[name].tokens,
            }
            for role, name in zip(("reference", "treatment", "placebo"), names, strict=True)
        },
        "modes": {
            mode: text_digest(catalogue.forcing_suffix if mode == FORCING_MODE else "") for mode in sorted(suite.modes)
        },
        "demonstrations": "none" if demonstrations is None else dict(demonstrations),
        "template": engine.template_digest,
        "placement": suite.placement,
        "decoding": _decoding(suite),
        "execution": execution,
        "quantization": options.quantization,
        "dtype": options.dtype,
        "judge": judge,
    }
    subject = {
        "model": options.model.name,
        "location": options.model.name if options.model.embedded else options.model.location,
        "checkpoint": options.model.checkpoint,
        "stage": options.model.stage,
        "revision": engine.revision,
        "weights": engine.weights_digest,
        "tokenizer": engine.tokenizer_digest,
        "trust_remote_code": options.model.trust_remote_code,
    }
    informing = {
        "prompts": {
            "source": plan.prompts.source,
            "revision": plan.prompts.revision,
            "count": plan.prompts.count,
            "digest": plan.prompts.digest,
        },
        "plan": document_digest([flat_fields(case) for case in plan.cases]),
        "order": suite.order.model_dump(),
        "controls": suite.controls.model_dump(),
        "manipulation_check": document_digest([asdict(question) for question in questions]) if questions else "none",
        "profile": suite.profile,
        "engine": {"name": engine.name, "version": engine.version, "invariance": engine.invariance},
        "libraries": dict(engine.libraries),
        "device": device(),
        "pytest_framing": pytest_framing.__version__,
    }
    return Fingerprint(deciding, subject, informing)


def _decoding(suite: Suite) -> dict[str, Any]:
    """Return what is set: a setting that is off leaves no trace, so that a later one does not part older runs."""
    return (
        {"temperature": suite.decoding.temperature}
        | suite.decoding.model_dump(exclude_defaults=True)
        | {"max_new_tokens": suite.decoding.max_new_tokens}
    )
