"""Measure the rule judge against human labels (XSTest): ``python -m bench.judges`` from the root of the repository.

XSTest (Roettger et al., NAACL 2024) gives the completions of two models, each labelled by two people and adjudicated.
Refusal means full or partial refusal, as in every rate of this project.

How the rules came about decides what the figures mean. A first set was written without a look at either file; it is
``FIRST_SIGHT`` below. Its misjudgements on ``mistral_guard`` were then studied, and ``HELD_OUT`` is what the improved
set reached on ``llama2_new`` before a misjudgement of that file was seen. After that both files were studied: what
this script measures is the fit of the final rules, and it flatters them. The models kept aside have the last word.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import math
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_framing.judges import rules
from pytest_framing.judges.accuracy import FILE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "xstest"
RESULT = ROOT / "bench" / "results" / "judges.json"
SHIPPED = FILE

VERDICTS = {
    "1_full_compliance": "compliance",
    "2_full_refusal": "refusal",
    "3_partial_refusal": "partial_refusal",
}
FIRST_SIGHT = {
    "llama2_new": {"agreement": 0.9044, "kappa": 0.805},
    "mistral_guard": {"agreement": 0.7889, "kappa": 0.586},
}
HELD_OUT = {"llama2_new": {"agreement": 0.9311, "kappa": 0.855, "developed_on": "mistral_guard"}}
Z95 = 1.959963984540054


class Labelled(NamedTuple):
    """The verdicts of the people and of the judge on one completion."""

    kind: str
    human: str
    annotators: tuple[str, str]
    judge: str
    rule: str


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a proportion; NaN for none of nothing."""
    if n == 0:
        return math.nan, math.nan
    rate = successes / n
    spread = Z95 * math.sqrt(rate * (1 - rate) / n + Z95**2 / (4 * n**2))
    middle, scale = rate + Z95**2 / (2 * n), 1 + Z95**2 / n
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def proportion(hits: Iterable[bool]) -> dict[str, Any]:
    """Describe the share of hits with its interval; null where nothing was counted."""
    counted = list(hits)
    low, high = wilson(sum(counted), len(counted))
    rate = sum(counted) / len(counted) if counted else math.nan
    figures = {"rate": rate, "low": low, "high": high}
    return {"hits": sum(counted), "n": len(counted)} | {k: None if math.isnan(v) else v for k, v in figures.items()}


def kappa(pairs: Sequence[tuple[Any, Any]]) -> float:
    """Return Cohen's kappa of two raters; NaN where chance alone would make them agree on everything."""
    n = len(pairs)
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[label] * second[label] for label in first) / n**2
    return math.nan if expected == 1 else (sum(a == b for a, b in pairs) / n - expected) / (1 - expected)


def compare(reference: Sequence[str], other: Sequence[str]) -> dict[str, Any]:
    """Compare two raters, on refusal against compliance and on all three verdicts."""
    pairs = list(zip(reference, other, strict=True))
    refused = [(a != "compliance", b != "compliance") for a, b in pairs]
    return {
        "agreement": proportion(a == b for a, b in refused),
        "kappa": kappa(refused),
        "sensitivity": proportion(b for a, b in refused if a),
        "specificity": proportion(not b for a, b in refused if not a),
        "three_way": {
            "agreement": proportion(a == b for a, b in pairs),
            "kappa": kappa(pairs),
            "confusion": {
                a: {b: pairs.count((a, b)) for b in (*VERDICTS.values(), "invalid")} for a in VERDICTS.values()
            },
        },
    }


def load(path: Path) -> tuple[list[Labelled], float]:
    """Judge the completions of one file; also return the mean time of a judgement, in milliseconds."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    start = time.perf_counter()
    judgements = [rules.judge_answer(row["completion"]) for row in rows]
    milliseconds = (time.perf_counter() - start) / len(rows) * 1000
    labelled = [
        Labelled(
            row["type"],
            VERDICTS[row["final_label"]],
            (VERDICTS[row["annotation_1"]], VERDICTS[row["annotation_2"]]),
            judgement.verdict,
            judgement.rule,
        )
        for row, judgement in zip(rows, judgements, strict=True)
    ]
    return labelled, milliseconds


def measure(labelled: Sequence[Labelled]) -> dict[str, Any]:
    """Describe one file: judge and people, people and people, types of prompt, rules."""
    human = [item.human for item in labelled]
    first, second = zip(*(item.annotators for item in labelled), strict=True)
    by_kind: dict[str, list[bool]] = defaultdict(list)
    by_rule: dict[str, list[bool]] = defaultdict(list)
    for item in labelled:
        agrees = (item.human != "compliance") == (item.judge != "compliance")
        by_kind[item.kind].append(agrees)
        by_rule[item.rule].append(agrees)
    return {
        "n": len(labelled),
        "judge_against_label": compare(human, [item.judge for item in labelled]),
        "annotator_against_annotator": compare(first, second),
        "annotator_1_against_label": compare(human, first),
        "annotator_2_against_label": compare(human, second),
        "agreement_by_type": {kind: proportion(by_kind[kind]) for kind in sorted(by_kind)},
        "agreement_by_rule": {rule: proportion(by_rule[rule]) for rule in sorted(by_rule)},
    }


def _percent(share: dict[str, Any]) -> str:
    return f"{share['rate']:6.1%} [{share['low']:.1%}, {share['high']:.1%}]"


def show(name: str, figures: dict[str, Any], milliseconds: float) -> None:
    """Print the figures of one file as a table."""
    print(f"\n{name}: {figures['n']} completions, {milliseconds:.2f} ms each")
    columns = ("judge_against_label", "annotator_against_annotator")
    print(f"{'':28}{'judge : label':28}{'annotator : annotator':28}")
    for row in ("agreement", "sensitivity", "specificity"):
        print(f"  {row:26}" + "".join(f"{_percent(figures[column][row]):28}" for column in columns))
    print(f"  {'kappa':26}" + "".join(f"{figures[column]['kappa']:6.3f}{'':22}" for column in columns))
    three = [figures[column]["three_way"] for column in columns]
    print(f"  {'three-way agreement':26}" + "".join(f"{_percent(figure['agreement']):28}" for figure in three))
    print(f"  {'three-way kappa':26}" + "".join(f"{figure['kappa']:6.3f}{'':22}" for figure in three))
    for title in ("agreement_by_type", "agreement_by_rule"):
        print(f"  {title.replace('_', ' ')}")
        for key, share in figures[title].items():
            print(f"    {key:32}{share['hits']:4}/{share['n']:<4}{_percent(share)}")


def shipped(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the judge's label, and what the package ships of the figures for the receipts of runs."""
    names = ("agreement", "kappa", "sensitivity", "specificity")
    data = {
        f"xstest/{name}": {
            "n": one["n"],
            "sha256": one["sha256"],
            **{figure: one["judge_against_label"][figure] for figure in names},
        }
        for name, one in result["files"].items()
    }
    label = f"{result['judge']['name']}/{result['judge']['version']}"
    about = {
        "against": "human labels of XSTest completions, on which the rules were developed: the figures flatter them",
        "held_out": result["development"]["held_out"],
    }
    return label, {**about, "data": data}


def ship(label: str, entry: dict[str, Any]) -> None:
    """Put the figures of one judge into those that the package ships; older versions of it go."""
    document = json.loads(SHIPPED.read_text(encoding="utf-8"))
    name = label.partition("/")[0]
    others = {other: kept for other, kept in document["judges"].items() if other.partition("/")[0] != name}
    document["judges"] = others | {label: entry}
    SHIPPED.write_text(json.dumps(document, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every file of completions, print the figures and write them as JSON."""
    parser = argparse.ArgumentParser(description="Measure the rule judge against the human labels of XSTest.")
    parser.add_argument("--data", type=Path, default=DATA, help="folder with completions_*.csv (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULT, help="where the figures go (default: %(default)s)")
    options = parser.parse_args(arguments)
    paths = sorted(options.data.glob("completions_*.csv"))
    if not paths:
        parser.error(f"no completions_*.csv in {options.data}: name the folder of the XSTest data with --data")
    files = {}
    for path in paths:
        labelled, milliseconds = load(path)
        name = path.stem.removeprefix("completions_")
        files[name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()} | measure(labelled)
        show(name, files[name], milliseconds)
    result = {
        "schema_version": 1,
        "judge": {"name": rules.NAME, "version": rules.VERSION},
        "development": {"first_sight": FIRST_SIGHT, "held_out": HELD_OUT},
        "files": files,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(result, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    print(f"\nwritten: {options.out}")
    if options.out == RESULT:
        ship(*shipped(result))
        print(f"written: {SHIPPED}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
