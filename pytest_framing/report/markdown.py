"""``summary.md``: the verdict and the gates for a pull request or a CI step summary."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_framing.report.words import Reservations, printable, readable_percent, verdict_sentence

if TYPE_CHECKING:
    from jinja2 import Template

TEMPLATE = Path(__file__).with_name("summary.md.jinja")


def markdown_summary(results: dict[str, Any]) -> str:
    """Render ``results.json`` as Markdown; it holds no prompt and no answer."""
    profiles = {suite["profile"] for suite in results["suites"].values()}
    gates = [gate for suite in results["suites"].values() for gate in suite["gates"]]
    reservations = Reservations.of(results["waived"], gates, results["protocol"]["allowed_mismatch"])
    sentence = verdict_sentence(results["verdict"], profiles, reservations)
    return _template().render(results=results, sentence=escape_markdown(sentence))


def escape_markdown(value: object) -> str:
    """Make a text harmless in a Markdown table cell: no markup, no HTML, no new line."""
    flat = printable(" ".join(str(value).split()))
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&@:-])", lambda match: f"&#{ord(match[1])};", flat)


@cache
def _template() -> Template:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["md"] = escape_markdown
    environment.filters["percent"] = readable_percent
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
