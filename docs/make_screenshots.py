"""Screenshots of terminal and report for the README: ``python -m docs.make_screenshots`` from the root.

Gates the embedded model ``tiny-aware`` (a minute on two cores), or takes a run that exists already, writes its report
and takes pictures of it in a headless Chromium.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from bench.chromium import DESKTOP, PHONE, chromium, missing, screenshot, set_screen
from pytest_framing.commands.recorded_run import conclude_again
from pytest_framing.report.html import write_report
from pytest_framing.run_folder import find_run

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

ROOT = Path(__file__).parents[1]
IMAGES = ROOT / "docs" / "images"
LARGEST = 250_000
COLOURS = 256
COLUMNS = 140


def main() -> None:
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", help="a finished run, instead of a new one")
    options = parser.parse_args()
    if reason := missing():
        parser.error(f"no browser: {reason}")
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as place:
        runs, output = Path(place) / "runs", ""
        if options.run is None:
            output = _gated(runs)
        run = find_run(options.run or str(runs), ROOT)
        page = write_report(conclude_again(run, None), Path(place))
        with chromium() as driver:
            if output:
                _terminal(driver, output, Path(place) / "terminal.html")
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


def _gated(runs: Path) -> str:
    """Gate the embedded model, which is there to fail, and return what the terminal showed at the end."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "suites",
        "--model",
        "tiny-aware",
        "--color=yes",
        "-p",
        "no:cacheprovider",
    ]
    environment = {**os.environ, "COLUMNS": str(COLUMNS)}
    done = subprocess.run(
        [*command, "--framing-out", str(runs)], cwd=ROOT, check=False, env=environment, capture_output=True, text=True
    )
    if done.returncode != 1:
        sys.exit(f"the run ended with {done.returncode} where gates should have failed")
    # From the summary on, without the places that this machine keeps its runs at.
    lines = done.stdout.splitlines()
    start = next(number for number, line in enumerate(lines) if "framing gates" in line)
    end = next(number for number, line in enumerate(lines) if line.startswith("record: "))
    return "\n".join(lines[start:end])


def _terminal(driver: Chrome, output: str, page: Path) -> None:
    """Take a picture of what a terminal shows."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(output))
    style = "body{margin:16px;background:#1b1d23;color:#d8dae0;width:max-content}pre{margin:0;font:13px/1.35 monospace}"
    text = console.export_html(inline_styles=True, code_format="<pre>{code}</pre>", theme=MONOKAI)
    page.write_text(f"<!doctype html><meta charset=utf-8><style>{style}</style>{text}", encoding="utf-8")
    set_screen(driver, (1180, 900))
    driver.get(page.as_uri())
    end = driver.execute_script("return document.body.getBoundingClientRect().bottom")
    path = IMAGES / "terminal.png"
    screenshot(driver, path, height=int(end) + 16)
    _shrink(path)
    sys.stdout.write(f"{path.relative_to(ROOT)}: {path.stat().st_size} bytes\n")


if __name__ == "__main__":
    main()
