"""Run the calibration study and write ``calibration.json``, ``calibration.md`` and ``calibration.png``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from bench.calibration.report import write_report
from bench.calibration.study import full_grids, run

RESULTS = Path(__file__).parents[1] / "results"
SEED = 20260221


def main(arguments: Sequence[str] | None = None) -> int:
    """Simulate, and write everything that is published of it."""
    parser = argparse.ArgumentParser(prog="python -m bench.calibration", description=__doc__)
    parser.add_argument("--sessions", type=int, default=10_000, help="sessions for each cell (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=SEED, help="seed of everything drawn (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where the results go (default: %(default)s)")
    options = parser.parse_args(arguments)
    if options.sessions < 1:
        parser.error("--sessions must be at least 1")
    try:
        from bench.calibration.figure import write_figure
    except ImportError as error:
        parser.error(f'the figure needs matplotlib ({error}): pip install -c constraints.txt -e ".[bench]"')
    result = run(full_grids(), options.sessions, options.seed)
    options.out.mkdir(parents=True, exist_ok=True)
    write_report(result, options.out)
    write_figure(result, options.out / "calibration.png")
    print(f"written: {', '.join(str(path) for path in sorted(options.out.glob('calibration.*')))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
