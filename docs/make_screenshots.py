"""Screenshots of the report for the README: run ``python -m docs.make_screenshots`` from the root of the repository.

Gates the embedded model ``tiny-aware`` (a minute on two cores), or takes a run that exists already, writes its report
and takes pictures of it in a headless Chromium.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from bench.chromium import DESKTOP, PHONE, chromium, missing, screenshot, set_screen
from pytest_framing.commands.recorded_run import conclude_again
from pytest_framing.report.html import write_report
from pytest_framing.run_folder import find_run

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST = 250_000
COLOURS = 256


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="a finished run, instead of a new one")
    options = parser.parse_args()
    if reason := missing():
        parser.error(f"no browser: {reason}")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        run = find_run(options.run or str(_gated(Path(place))), ROOT)
        page = write_report(conclude_again(run, None), Path(place))
        with chromium() as driver:
            for name, size in (("report-desktop", DESKTOP), ("report-phone", PHONE)):
                set_screen(driver, size)
                driver.get(page.as_uri())
                path = IMAGES / f"{name}.png"
                # The desktop has room for everything down to the plot of the gaps, a phone for one screen.
                end = driver.execute_script("return document.querySelector('figure').getBoundingClientRect().bottom")
                screenshot(driver, path, height=int(end) + 16 if size == DESKTOP else None)
                _shrink(path)
                if path.stat().st_size > LARGEST:
                    sys.exit(f"{path}: {path.stat().st_size} bytes, more than {LARGEST}")
                sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes\n")


def _shrink(path: Path) -> None:
    """Keep as many colours as a page of text needs."""
    with Image.open(path) as picture:
        picture.convert("RGB").quantize(COLOURS, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(
            path, optimize=True
        )


def _gated(folder: Path) -> Path:
    """Gate the embedded model; that it fails is what it is there for."""
    command = [sys.executable, "-m", "pytest", "suites", "--model", "tiny-aware", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run([*command, "--framing-out", str(folder / "runs")], cwd=ROOT, check=False)
    if done.returncode != 1:
        sys.exit(f"the run ended with {done.returncode} where gates should have failed")
    return folder / "runs"


if __name__ == "__main__":
    main()
