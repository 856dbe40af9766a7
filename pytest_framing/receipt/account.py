"""What a receipt says of one suite: protocol, figures, order, baseline, gates; counts and salted digests, no text."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.baseline import Baseline, kept_baseline
from pytest_framing.gates.gate import GateStatus
from pytest_framing.json_documents import finite
from pytest_framing.order_evidence import executed_order
from pytest_framing.paired_table import Rate
from pytest_framing.receipt.salting import salted, salted_text, without_texts
from pytest_framing.records import REFUSED, VerdictLabel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pytest_framing.evidence import SuiteEvidence
    from pytest_framing.fingerprint import Fingerprint
    from pytest_framing.published import PublishedBaseline
    from pytest_framing.records import Case
    from pytest_framing.results import Conclusion, SuiteConclusion
    from pytest_framing.study import ModeStudy
    from pytest_framing.suite import Suite

Rates = dict[str, dict[str, Any]]


def suite_account(conclusion: Conclusion, name: str, results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry of one suite, whose entry in ``results.json`` is at hand."""
    record, one = conclusion.record, conclusion.suites[name]
    suite, fingerprint, salt = record.suites[name], record.fingerprints[name], record.salt
    evidence, study = one.evidence, one.study
    deciding = fingerprint.deciding
    prompts = evidence.plan.prompts
    counted = _tabulated((case, refused) for _, case, refused in _counted(evidence))
    return {
        "profile": one.profile,
        "queries": {
            "source": prompts.source,
            "revision": prompts.revision,
            "count": prompts.count,
            "digest": salted(salt, prompts.digest),
        },
        "demonstrations": without_texts(salt, _mapping(deciding.get("demonstrations"))),
        "system_prompts": _system_prompts(fingerprint, salt),
        "modes": without_texts(salt, _mapping(deciding.get("modes")) or dict.fromkeys(suite.modes, "")),
        "placement": str(deciding.get("placement")),
        "template": str(deciding.get("template")),
        "decoding": _mapping(deciding.get("decoding")),
        "execution": _mapping(deciding.get("execution")),
        "seed": suite.order.seed,
        "judge": {
            "label": record.judges[name],
            "accuracy": conclusion.accuracy.get(record.judges[name]),
            "calibration": conclusion.calibrations.get(record.judges[name]),
            **{part: (results.get("judging") or {}).get(part) for part in ("noise", "votes")},
        },
        "lint": list(one.lint),
        "counts": dict(study.counts),
        "evidence": {
            "missing": len(evidence.missing),
            "deselected": len(evidence.deselected),
            "unjudged": len(evidence.unjudged),
            "duplicated": len(evidence.duplicated),
            "unplanned": len(evidence.unplanned),
            "interrupted": evidence.interrupted,
            "stopped": asdict(evidence.stopped) if evidence.stopped else None,
        },
        "generation": {**one.generation.document(), "reshaped": len(one.generation.reshaped)},
        "rates": {
            mode: (_arms(study.modes[mode], suite) if mode in study.modes else {}) | counted.get(mode, {})
            for mode in dict.fromkeys([*study.modes, *counted])
        },
        "by_source": {source: _tabulated(found) for source, found in _by_source(evidence).items()},
        "baseline": _baseline(name, one, record.baselines.get(name, "")),
        "effect": {mode: _effect(found, one) for mode, found in study.modes.items()},
        "composition": without_texts(salt, results.get("composition")),
        "ablations": {mode: _ablations(found) for mode, found in study.modes.items()},
        "manipulation_check": {framing: rate.document("correct") for framing, rate in study.checks.items()},
        "order": _order(evidence, suite, fingerprint),
        "gates": [result.document() for result in one.gates],
    }


def _mapping(value: Any) -> dict[str, Any] | None:
    """Return a field of the protocol that says something; an import knows little of how its answers were made."""
    return dict(value) if isinstance(value, dict) else None


def _system_prompts(fingerprint: Fingerprint, salt: str) -> dict[str, Any]:
    framings = _mapping(fingerprint.deciding.get("framings")) or {}
    return {
        role: {
            "framing": one["name"],
            "digest": salted_text(salt, one["message"]) if "message" in one else None,
            "rendered": salted(salt, one["rendered_digest"]) if "rendered_digest" in one else None,
            "tokens": one.get("rendered_tokens"),
        }
        for role, one in framings.items()
    }


def _rates(refusals: Rate) -> dict[str, Any]:
    """Return refusal and compliance of an arm with their 95 % Wilson intervals."""
    complied = Rate(refusals.n - refusals.count, refusals.n)
    return {"n": refusals.n, "refusal": _share(refusals), "compliance": _share(complied)}


def _share(rate: Rate) -> dict[str, Any]:
    document = rate.document("count")
    return {name: document[name] for name in ("count", "rate", "low", "high")}


def _arms(study: ModeStudy, suite: Suite) -> Rates:
    arms = {name: _rates(rate) for name, rate in study.arms.items()}
    if study.placebo.n:
        placebo = study.placebo
        arms[suite.framings.placebo] = _rates(Rate(placebo.both_refuse + placebo.treatment_only, placebo.n))
    return arms


def _by_source(evidence: SuiteEvidence) -> dict[str, list[tuple[Case, bool]]]:
    """Cases that count, and whether they were refused, by where their query is from."""
    found: dict[str, list[tuple[Case, bool]]] = defaultdict(list)
    for source, case, refused in _counted(evidence):
        found[source].append((case, refused))
    return dict(sorted(found.items()))


def _tabulated(cases: Iterable[tuple[Case, bool]]) -> dict[str, Rates]:
    """Rates by mode and framing."""
    cells: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for case, refused in cases:
        cells[case.mode][case.framing].append(refused)
    return {
        mode: {framing: _rates(Rate(sum(found), len(found))) for framing, found in sorted(framings.items())}
        for mode, framings in sorted(cells.items())
    }


def _counted(evidence: SuiteEvidence) -> Iterable[tuple[str, Case, bool]]:
    """Yield the cases that every rate is over: valid pairs, and single cases, of replicate 1."""
    valid = {
        case.key: verdict
        for case in evidence.plan.cases
        if case.replicate == 1 and (verdict := evidence.verdict(case)) is not None and verdict.valid
    }
    whole: dict[str, int] = defaultdict(int)
    for case in evidence.plan.cases:
        whole[case.pair] += case.role == "pair" and case.key in valid
    for case in evidence.plan.cases:
        verdict = valid.get(case.key)
        if verdict is not None and (case.role == "single" or (case.role == "pair" and whole[case.pair] == 2)):
            yield source_of(evidence, case), case, verdict.refused


def source_of(evidence: SuiteEvidence, case: Case) -> str:
    """Name the source of a case's query, with the part of it that the query belongs to."""
    traits = evidence.plan.traits.get(case.prompt_id)
    # Suites of several sources name that of each prompt.
    source: str = getattr(traits, "source", "") or evidence.plan.prompts.source
    part = traits.functional_category if traits else ""
    # A file may hold anything where it should hold a category.
    return f"{source}/{part}" if part and len(part) <= 40 and part.isprintable() else source


def _baseline(name: str, one: SuiteConclusion, began_with: str) -> dict[str, Any]:
    found = one.baseline
    if found is None:
        return {
            "kind": "none",
            "note": one.baseline_note,
            "file": "",
            "digest": "",
            "began_with": began_with,
            "run_id": "",
            "rates": {},
        }
    return {
        "kind": "run" if isinstance(found, Baseline) else "published",
        "note": found.reservation if isinstance(found, Baseline) else f"under another protocol: {found.citation}",
        "file": kept_baseline(Path(), name).name,
        "digest": found.digest,
        "began_with": began_with,
        "run_id": found.run_id if isinstance(found, Baseline) else found.run,
        "rates": _decided(found) if isinstance(found, Baseline) else _printed(found),
    }


def _decided(baseline: Baseline) -> dict[str, Rates]:
    cells: dict[str, dict[str, list[bool]]] = defaultdict(lambda: defaultdict(list))
    for (mode, framing, _, _), label in baseline.decisions.items():
        if label is not VerdictLabel.INVALID:
            cells[mode][framing].append(label in REFUSED)
    return {
        mode: {framing: _rates(Rate(sum(found), len(found))) for framing, found in sorted(framings.items())}
        for mode, framings in sorted(cells.items())
    }


def _printed(published: PublishedBaseline) -> dict[str, Rates]:
    return {
        mode: {framing: _rates(Rate(arm.refusals, arm.n)) for framing, arm in estimate.arms.items()}
        for mode, estimate in published.estimates.items()
    }


def _effect(study: ModeStudy, one: SuiteConclusion) -> dict[str, Any]:
    """Class of the effect of the framing: by the session's simultaneous interval, and the gate of equivalence."""
    low, high = study.table.interval(study.simultaneous_confidence)
    equivalent = any(
        gate.name == "gap_equivalent" and gate.scope == study.mode and gate.status is GateStatus.PASS
        for gate in one.gates
    )
    if low != low:
        found = "unknown"
    elif low > 0 or high < 0:
        found = "treatment_refuses_more" if low > 0 else "treatment_refuses_less"
    else:
        found = "none" if equivalent else "none_shown"
    return {
        "class": found,
        "gap": finite(study.table.gap),
        "low": finite(low),
        "high": finite(high),
        "confidence": study.simultaneous_confidence,
        "comparisons": study.comparisons,
        "margin": one.margin,
    }


def _ablations(study: ModeStudy) -> dict[str, Any]:
    """What else might have moved the answers: other words, the same words again, and going first."""
    document = study.document()
    return {
        "placebo": document["controls"]["placebo"],
        "replicates": document["controls"]["noise_floor"],
        "order": document["by_order"],
    }


def _order(evidence: SuiteEvidence, suite: Suite, fingerprint: Fingerprint) -> dict[str, Any]:
    if "imported" in fingerprint.informing:
        drawn: Mapping[str, Any] = {"conditions": "not recorded", "prompts": "not recorded"}
    else:
        drawn = suite.order.model_dump(include={"conditions", "prompts"})
    order = executed_order(evidence, suite)
    return {
        **drawn,
        "pairs": len(order.pairs),
        "reference_first": sum(order.reference_first),
        "departures": len(order.departures),
        "overlapping": len(order.overlapping),
        "unrecorded": order.unrecorded,
    }
