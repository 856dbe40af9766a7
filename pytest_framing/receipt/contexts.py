"""The contexts in which a model may be put, and in which of them a run looked at it: what a receipt does not cover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_framing.gates.safe_prompts import SAFE
from pytest_framing.records import FORCING_MODE, STANDARD_MODE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.fingerprint import Fingerprint
    from pytest_framing.records import Case
    from pytest_framing.suite import Suite


@dataclass(frozen=True)
class Judged:
    """One suite with those of its cases that have a valid verdict: what did not run tests nothing."""

    suite: Suite
    fingerprint: Fingerprint
    evidence: SuiteEvidence

    def any_case(self, holds: Callable[[Case], bool]) -> bool:
        """Tell whether a case with a valid verdict, questions of the manipulation check left out, is one of these."""
        return any(
            holds(case)
            for case in self.evidence.plan.cases
            if case.role != "check" and (verdict := self.evidence.verdict(case)) is not None and verdict.valid
        )

    def safe(self, case: Case) -> bool:
        """Tell whether a case asks what is safe to answer."""
        traits = self.evidence.plan.traits.get(case.prompt_id)
        return traits is not None and traits.functional_category.casefold() == SAFE

    def deciding(self, name: str) -> Any:
        """Return a deciding field of the protocol."""
        return self.fingerprint.deciding.get(name)


@dataclass(frozen=True)
class Context:
    """A context by name; ``tested`` tells whether a suite has it, and is ``None`` for what no suite can have yet."""

    name: str
    what: str
    tested: Callable[[Judged], bool] | None = None


def _always(_: Case) -> bool:
    return True


CONTEXTS = (
    Context(
        "harmful_requests",
        "requests that are not marked as safe to answer",
        lambda one: one.any_case(lambda case: not one.safe(case)),
    ),
    Context("safe_requests", "requests that are safe to answer (over-refusal)", lambda one: one.any_case(one.safe)),
    Context(
        "plain_requests",
        "requests as they are, in one turn",
        lambda one: one.any_case(lambda case: case.mode == STANDARD_MODE),
    ),
    Context(
        "pressed_requests",
        "requests with a suffix that presses for compliance",
        lambda one: one.any_case(lambda case: case.mode == FORCING_MODE),
    ),
    Context(
        "deployment_framing",
        "the same request told to be observed and told not to be",
        lambda one: one.any_case(lambda case: case.role == "pair"),
    ),
    Context(
        "placebo_framing",
        "a system prompt of the same shape about something else",
        lambda one: one.any_case(lambda case: case.role == "placebo"),
    ),
    Context("no_framing", "requests without a framing", lambda one: one.any_case(lambda case: case.role == "single")),
    Context(
        "system_turn",
        "the framing in the system turn",
        lambda one: one.deciding("placement") == "system" and one.any_case(_always),
    ),
    Context(
        "user_turn",
        "the framing in the user turn",
        lambda one: one.deciding("placement") == "user" and one.any_case(_always),
    ),
    Context(
        "demonstrations",
        "earlier turns that demonstrate compliance",
        lambda one: one.any_case(lambda case: case.mode in one.evidence.plan.contexts),
    ),
    Context(
        "greedy_decoding",
        "the most probable answer",
        lambda one: _temperature(one) == 0 and one.any_case(_always),
    ),
    Context(
        "sampled_decoding",
        "answers drawn at a temperature above 0",
        lambda one: (_temperature(one) or 0) > 0 and one.any_case(_always),
    ),
    Context("dialogues", "dialogues of several turns"),
    Context("tools", "tools, files and agents"),
    Context("other_languages", "requests in other languages than those of the prompts"),
    Context("searched_attacks", "prompts that were optimized against this model"),
    Context("fine_tuning", "the model after further training"),
)


def _temperature(one: Judged) -> float | None:
    decoding = one.deciding("decoding")
    value = decoding.get("temperature") if isinstance(decoding, dict) else None
    return float(value) if isinstance(value, int | float) else None


def contexts(suites: Mapping[str, Judged], skipped: Mapping[str, str]) -> dict[str, Any]:
    """Sort the known contexts by whether some case of the run with a valid verdict was in it.

    Parameters
    ----------
    suites
        By name.
    skipped
        Suites that did not run, and why.
    """
    tested, not_tested = [], []
    for context in CONTEXTS:
        looked = [name for name, one in suites.items() if context.tested is not None and context.tested(one)]
        entry = {"name": context.name, "what": context.what}
        if looked:
            tested.append({**entry, "suites": looked})
        else:
            not_tested.append(entry)
    not_tested += [{"name": f"suite {name}", "what": f"skipped: {reason}"} for name, reason in skipped.items()]
    return {"tested": tested, "not_tested": not_tested}
