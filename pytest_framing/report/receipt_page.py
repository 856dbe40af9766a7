"""``receipt.html``: the receipt as a page to print and to file; it loads nothing, and holds what the receipt holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pytest_framing.errors import ReceiptError, first_line
from pytest_framing.report.html import TEMPLATES, content_policy, environment
from pytest_framing.report.words import Reservations, verdict_sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_ROWS = 24
"""Sources times modes that a page shows; a suite with many contexts would fill many pages."""
EFFECTS = {
    "treatment_refuses_more": "an effect: it refuses more under the treatment",
    "treatment_refuses_less": "an effect: it refuses less under the treatment",
    "none": "no effect beyond the margin",
    "none_shown": "no effect shown, and none excluded",
    "unknown": "unknown: no valid pair",
}


def receipt_page(receipt: Mapping[str, Any]) -> str:
    """Render a receipt; it takes nothing from anywhere else, so that it can be made again from the receipt alone.

    Raises
    ------
    ReceiptError
        When a part that the schema leaves open is not as a run writes it.
    """
    from jinja2 import TemplateError

    predicate = receipt["predicate"]
    framing = predicate["framing"]
    style = "".join(TEMPLATES.joinpath(name).read_text(encoding="utf-8") for name in ("report.css", "receipt.css"))
    made = environment()
    accounts = framing["suites"].values()
    gates = [gate for one in accounts for gate in one["gates"]]
    reservations = Reservations.of(framing["waived"], gates, framing["allowed_mismatch"])
    template = made.get_template("receipt.html.jinja")
    try:
        return template.render(
            receipt=receipt,
            predicate=predicate,
            framing=framing,
            subject=receipt["subject"][0],
            sentence=verdict_sentence(framing["verdict"], {one["profile"] for one in accounts}, reservations),
            effects=EFFECTS,
            most_rows=MOST_ROWS,
            style=made.filters["markup"](style),
            policy=content_policy(style, ""),
        )
    except (TemplateError, TypeError, ValueError, AttributeError) as error:
        raise ReceiptError(f"no page can be made of this receipt: {first_line(error)}") from error
