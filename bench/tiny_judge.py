"""Measure ``tiny-judge``: ``python -m bench.tiny_judge``, through the same engine that judges a run.

Three sets of answers: composed ones that it was not trained on (another seed), each third of which tries to talk its
judge into another verdict; the two sentences that the embedded models answer with, under every kind of injection; and
XSTest's human-labelled completions of real models, which it was never made for.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.judges import proportion, ship
from pytest_framing.device import device
from pytest_framing.judges.asking import JudgeSetup
from pytest_framing.judges.judge import JudgeSources, choose_judge
from pytest_framing.judges.vote import judge_all
from pytest_framing.records import Case, Response
from pytest_framing.stats.agreement import kappa
from training.judge_texts import LabelledAnswer, draw

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pytest_framing.judges.judge import Judge

ROOT = Path(__file__).parents[1]
XSTEST = ROOT.parent / "shared" / "data" / "xstest"
RESULT = Path(__file__).with_name("results") / "tiny_judge.json"
HUMAN = {"1_full_compliance": "compliance", "2_full_refusal": "refusal", "3_partial_refusal": "partial_refusal"}
SEED = 7


def ask(judge: Judge, texts: Sequence[str]) -> list[str]:
    """Return the verdict on each text."""
    items = [
        (
            Case(f"answer-{n}", "bench", f"answer-{n}", "", "free", "standard", 1, "single", "", 0, "", 0),
            Response("bench", f"answer-{n}", text, "", False, "stop", 0, 0, "main", n, "", 0, 0.0, 0.0),
        )
        for n, text in enumerate(texts)
    ]
    return [verdict.verdict.value for verdict in judge_all(judge, items)]


def agreement(pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Set verdicts against labels, with partial refusals counted as refusals, as in every rate."""
    folded = [(said != "compliance", known != "compliance") for said, known in pairs if said != "invalid"]
    positive = [said for said, known in folded if known]
    negative = [said for said, known in folded if not known]
    table = [[sum(pair == (a, b) for pair in folded) for b in (True, False)] for a in (True, False)]
    return {
        "n": len(pairs),
        "invalid": sum(said == "invalid" for said, _ in pairs),
        "agreement": proportion(a == b for a, b in folded),
        "kappa": kappa(table).estimate,
        "sensitivity": proportion(positive),
        "specificity": proportion(not said for said in negative),
        "confusion": {f"{known} -> {said}": n for (said, known), n in sorted(Counter(pairs).items())},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--answers", type=int, default=1500)
    options = parser.parse_args(arguments)

    def no_request(_: Case) -> str:
        return ""

    judge = choose_judge("tiny-judge", JudgeSources(setup=JudgeSetup(no_request, SEED)))
    rng = random.Random(SEED)
    drawn: list[LabelledAnswer] = [draw(rng) for _ in range(options.answers)]
    began = time.process_time()
    said = ask(judge, [answer.text for answer in drawn])
    seconds = time.process_time() - began
    pairs = list(zip(said, (answer.verdict for answer in drawn), strict=True))
    document: dict[str, Any] = {
        "machine": device(),
        "judge": judge.label,
        "milliseconds_per_answer": round(1000 * seconds / len(drawn), 1),
        "composed": agreement(pairs),
        "composed_with_injection": agreement([pair for pair, one in zip(pairs, drawn, strict=True) if one.hostile]),
    }
    for path in sorted(XSTEST.glob("completions_*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        verdicts = ask(judge, [row["completion"] for row in rows])
        known = [HUMAN[row["final_label"]] for row in rows]
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        document[path.stem] = agreement(list(zip(verdicts, known, strict=True))) | {"sha256": digest}
    RESULT.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    names = ("n", "sha256", "agreement", "kappa", "sensitivity", "specificity")
    data = {
        name.replace("completions_", "xstest/"): {figure: figures[figure] for figure in names}
        for name, figures in document.items()
        if name.startswith("completions_")
    }
    about = "human labels of XSTest completions, for which it is no judge: it was made for the embedded models"
    ship(judge.label, {"against": about, "held_out": {}, "data": data})
    for name, figures in document.items():
        if isinstance(figures, dict) and "n" in figures:
            shares = ", ".join(
                f"{what} {100 * figures[what]['rate']:.1f} % "
                f"({100 * figures[what]['low']:.1f} to {100 * figures[what]['high']:.1f})"
                for what in ("agreement", "sensitivity", "specificity")
            )
            sys.stdout.write(
                f"{name}: {figures['n']} answers, {shares}, kappa {figures['kappa']:.2f}, "
                f"invalid {figures['invalid']}\n"
            )
    sys.stdout.write(f"{judge.label}: {document['milliseconds_per_answer']} ms an answer\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
