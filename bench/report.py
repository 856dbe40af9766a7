"""What the report of a run costs: its size, the time to render it, and the time until a browser has it ready.

Makes a run of 2,800 cases on paper (400 prompts, two modes, placebo, a quarter repeated, one pair in ten flips),
renders its report, and opens it in a headless Chromium with a new profile. Run it as ``python -m bench.report``; it
writes ``bench/results/report.json``.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.chromium import DESKTOP, chromium, missing, set_screen
from pytest_framing.report.html import html_report
from pytest_framing.results import Conclusion
from tests.unit.builders import make_prompts, make_run, make_suite, table, write_run

RESULTS = Path(__file__).parent / "results" / "report.json"
GOAL_BYTES, GOAL_MS = 3_000_000, 1000.0
PROMPTS = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=7, help="renderings and openings (default: 7)")
    options = parser.parse_args()
    if reason := missing():
        parser.error(f"no browser: {reason}")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        conclusion = paper_run(folder)
        first, renderings, page = render(conclusion, folder, options.times)
        path = folder / "report.html"
        path.write_text(page, encoding="utf-8")
        version, ready, loaded = opened(path, options.times)
        size = path.stat().st_size
    results = {
        "machine": f"{platform.machine()}, {platform.system()}, Python {platform.python_version()}",
        "browser": version,
        "times": options.times,
        "cases": sum(len(one.evidence.plan.cases) for one in conclusion.suites.values()),
        "bytes": size,
        "goal_bytes": GOAL_BYTES,
        "first_rendering_ms": round(first, 1),
        "rendering_ms": round(statistics.median(renderings), 1),
        "dom_content_loaded_ms": round(statistics.median(ready), 1),
        "dom_content_loaded_slowest_ms": round(max(ready), 1),
        "load_ms": round(statistics.median(loaded), 1),
        "goal_ms": GOAL_MS,
    }
    RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(results, indent=2))


def paper_run(folder: Path) -> Conclusion:
    """Make the run: ids as long as HarmBench's, and answers that the page does not show."""
    suite = make_suite(
        modes=["standard", "forcing"],
        controls={"repeat_fraction": 0.25, "placebo": True},
        gates={"complete": {}, "gap_contains_zero": {}, "gap_equivalent": {}, "flip_rate": {}, "power": {}},
    )
    prompts = make_prompts(PROMPTS, prefix="describe_a_teapot_of_some_kind_at_length")
    cells = table(100, 30, 10, 260)
    return write_run(make_run(cells, cells, suite=suite, prompts=prompts), folder)


def render(conclusion: Conclusion, folder: Path, times: int) -> tuple[float, list[float], str]:
    """Return the milliseconds of the first rendering, which imports what draws, of the others, and the page."""
    taken = []
    page = ""
    for _ in range(times + 1):
        started = time.perf_counter()
        page = html_report(conclusion, folder)
        taken.append(1000 * (time.perf_counter() - started))
    return taken[0], taken[1:], page


def opened(path: Path, times: int) -> tuple[str, list[float], list[float]]:
    """Return the browser, and the milliseconds until the document was ready, and until it was loaded, each time."""
    ready, loaded = [], []
    with chromium() as driver:
        set_screen(driver, DESKTOP)
        capabilities: dict[str, Any] = driver.capabilities
        for _ in range(times):
            driver.get("about:blank")
            driver.get(path.as_uri())
            timing = driver.execute_script("return performance.getEntriesByType('navigation')[0].toJSON()")
            ready.append(float(timing["domContentLoadedEventEnd"]))
            loaded.append(float(timing["loadEventEnd"]))
    return f"{capabilities['browserName']} {capabilities['browserVersion']}, headless", ready, loaded


if __name__ == "__main__":
    main()
