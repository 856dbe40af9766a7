"""The tables of ``docs/performance.md``, made from ``bench/results``.

``python -m bench.page`` writes them into the page, between comments that name each table. A test holds the page to the
results.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.limits import CARDS, GATE, LLAMA_8B, ROWS, floor_seconds, transformers_seconds, vllm_seconds

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
RESULTS = Path(__file__).parent / "results"
MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def main() -> None:
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_tables(page: str) -> str:
    """Return the page with every table as the results have it."""
    return MARK.sub(lambda found: f"{found[1]}\n{table(found[2])}\n\n{found[3]}", page)


def table(name: str) -> str:
    """Return one table in Markdown; without results it says that nothing was measured."""
    path = RESULTS / f"{name}.json"
    if name != "computed" and not path.is_file():
        return "*Not measured.*"
    results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    heads, *rows = TABLES[name](results)
    lines = ["| " + " | ".join(row) + " |" for row in (heads, ["---"] * len(heads), *rows)]
    where = results.get("machine", "")
    named = where.get("machine", "") if isinstance(where, dict) else where
    return "\n".join([*lines, *(["", f"Measured on {named}."] if named else [])])


def throughput(results: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["way", *(name for name in ("tiny", "small") if name in results), "goal (tiny)"]
    models = [results[name] for name in ("tiny", "small") if name in results]
    for way in models[0]:
        goal = results["goals"].get(way)
        yield [way, *(f"{model[way]:.1f}" for model in models), f"≥ {goal:g}" if goal else ""]


def peers(results: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["method", "processor seconds", "times one by one", "answers unlike one by one"]
    for name, one in results["methods"].items():
        seconds = f"{one['processor_seconds']:.1f}"
        yield [name, seconds, f"{one['speedup']:.2f}", f"{one['answers_unlike_one_by_one']} of {results['cases']}"]


def identity(results: Mapping[str, Any]) -> Iterator[list[str]]:
    matrix = results["differing"]
    yield ["run against the planned one", *matrix]
    for way in next(iter(matrix.values())):
        yield [way, *(f"{one[way]['differing']} of {one[way]['cases']}" for one in matrix.values())]


def harness(results: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["run", "cases", "processor ms a case", "controller", "worker"]
    for run in results["runs"]:
        worker = f"{run['worker']:.2f} GB" if run["worker"] else ""
        figures = [
            f"{run['cases']:,}",
            f"{1000 * run['cpu'] / run['cases']:.2f}",
            f"{run['controller']:.2f} GB",
            worker,
        ]
        yield [run["run"], *figures]
    names = {
        "harness_ms_per_case": "above bare pytest, ms a case",
        "growth": "time of the larger run by the smaller",
        "scheduler_ratio": "own scheduler by xdist's",
        "controller_gb": "controller, GB",
        "worker_gb": "worker, GB",
    }
    for key, name in names.items():
        yield [f"**{name}**", "", f"**{results['summary'][key]:g}**", f"goal: ≤ {results['goals'][key]:g}", ""]


def computed(_: Mapping[str, Any]) -> Iterator[list[str]]:
    yield ["", "minutes", "which"]
    for name, card in CARDS.items():
        yield [
            f"{name}, limit of the hardware at {ROWS} rows a batch",
            f"{floor_seconds(card, LLAMA_8B, GATE) / 60:.1f}",
            "computed",
        ]
    yield [
        "H100, transformers, 33 ms a step",
        f"{transformers_seconds(GATE) / 60:.0f}",
        "computed from a published step",
    ]
    yield ["H100, vLLM, 6,583 tokens/s", f"{vllm_seconds(GATE) / 60:.1f}", "computed from a published pace"]


TABLES: Mapping[str, Callable[[Mapping[str, Any]], Iterator[list[str]]]] = {
    "throughput": throughput,
    "peers": peers,
    "identity": identity,
    "harness": harness,
    "computed": computed,
}


if __name__ == "__main__":
    main()
