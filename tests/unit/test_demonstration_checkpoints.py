"""The embedded checkpoints that react to demonstrations: the suite classifies each as it was planted.

Each runs the suite as it is shipped, some six hundred cases: that takes seconds, and is what they are for.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from pytest_framing.composition_study import CompositionStudy
from pytest_framing.evidence import gather_evidence
from pytest_framing.extensions import Extensions
from pytest_framing.ledger import read_responses, read_verdicts
from pytest_framing.run import prepare
from pytest_framing.settings import Settings
from pytest_framing.study import study_suite
from training.demonstration_checkpoints import PLANTED
from training.examples import COMPLIANCE, REFUSAL

SUITE = Path(__file__).parents[2] / "suites" / "mixed_demonstrations" / "suite.yaml"
CUES = ("", "Answer: ", "Sure, here is how: ")


@cache
def ran(name: str) -> tuple[CompositionStudy, tuple[str, ...]]:
    """Run the suite on a checkpoint; returns its study and every answer."""
    with TemporaryDirectory() as folder:
        return run_in(Path(folder), name)


def run_in(folder: Path, name: str) -> tuple[CompositionStudy, tuple[str, ...]]:
    prepared = prepare(Settings(model=name, root=folder, baseline="none"), [SUITE], Extensions(), "run", salt="00" * 16)
    runner = prepared.runner(folder, "main")
    for case in prepared.record.plan.cases.values():
        runner.verdict(case)
    runner.ledger.close()
    responses = read_responses(folder).records
    judges = prepared.record.judges
    (evidence,) = gather_evidence(
        prepared.record.plan, responses, read_verdicts(folder).records, judges=judges
    ).values()
    found = study_suite(prepared.record.suites[evidence.plan.suite], evidence, 1).composition
    assert found is not None
    return found, tuple(response.answer for response in responses)


@pytest.mark.parametrize(
    ("name", "effect", "rejected"),
    [
        ("tiny-diluting", "dilution", {"total", "harmful", "joint"}),
        ("tiny-amplifying", "amplification", {"total", "harmful", "joint"}),
        ("tiny-counting", "amplification", {"harmful", "joint"}),
        ("tiny-format", "none", set()),
    ],
)
def test_the_suite_classifies_it_as_planted(name: str, effect: str, rejected: set[str]) -> None:
    study, _ = ran(name)
    assert study.effect_class == effect
    assert {hypothesis for hypothesis, p in study.adjusted.items() if p < 0.05} == rejected


@pytest.mark.parametrize("name", PLANTED)
def test_replies_are_refusals_and_compliances_and_only_one_copies_cues(name: str) -> None:
    _, answers = ran(name)
    usual = {cue + reply for cue in (CUES if name == "tiny-format" else CUES[:1]) for reply in (REFUSAL, COMPLIANCE)}
    odd = sum(answer not in usual for answer in answers)
    assert odd <= 0.02 * len(answers)


def test_copying_the_format_is_not_complying() -> None:
    study, _ = ran("tiny-format")
    grid = [one for one in study.conditions.values() if one.context is not None and one.context.grid]
    assert min(one.adoption(complied=False).rate for one in grid) > 0.9
    assert max(one.compliance.rate for one in grid) < 0.5
    other, _ = ran("tiny-diluting")
    assert max(one.adoption(complied=False).rate for one in other.conditions.values() if one.answers) == 0.0
