"""Figures as SVG that stands in a page: no styles, no colours and no ids of their own."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    "ink": "#010101",
    "muted": "#020202",
    "rule": "#030303",
    "band": "#040404",
    "reference": "#050505",
    "treatment": "#060606",
    "placebo": "#070707",
    "paper": "#080808",
}
"""What a colour is called in the style sheet, and the stand-in that is drawn with; no two may be alike."""

FONT_SIZE = 12.0
POINTS_PER_INCH = 72.0
# Presentation attributes say the same as the style attributes that matplotlib writes, and a strict Content-Security-
# Policy, under which no style attribute counts, leaves them alone.
PRESENTATION = frozenset(
    {
        "fill",
        "fill-opacity",
        "font-size",
        "font-weight",
        "opacity",
        "stroke",
        "stroke-dasharray",
        "stroke-dashoffset",
        "stroke-linecap",
        "stroke-linejoin",
        "stroke-opacity",
        "stroke-width",
        "text-anchor",
    }
)


@contextmanager
def drawing() -> Iterator[None]:
    """Draw with the stand-in colours, with text as text, and the same ids each time."""
    import matplotlib

    ink, muted = COLOURS["ink"], COLOURS["muted"]
    settings: Any = {
        "svg.fonttype": "none",
        "svg.hashsalt": "framing",
        "font.size": FONT_SIZE,
        "text.parse_math": False,
        "text.color": ink,
        "axes.edgecolor": muted,
        "axes.labelcolor": ink,
        "axes.facecolor": "none",
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.labelsize": FONT_SIZE,
        "figure.facecolor": "none",
        "xtick.color": muted,
        "ytick.color": muted,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "legend.frameon": False,
        "path.simplify": False,
    }
    with matplotlib.rc_context():
        # A user's own matplotlibrc has no say in what a report looks like.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(settings)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Make a figure of so many CSS pixels."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width / POINTS_PER_INCH, height / POINTS_PER_INCH), layout="constrained")


def inline_svg(figure: Figure, *, name: str, title: str, description: str, kind: str = "") -> str:
    """Return a figure as an ``<svg>`` element with a title and a description for those who cannot see it.

    Parameters
    ----------
    figure
        Drawn within :func:`drawing`.
    name
        Tells its ids from those of other figures on the page.
    title, description
        What it shows, and what is to be seen in it; escaped here.
    kind
        Further classes of the element.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(buffer.getvalue())
    ids = {found: f"{name}-{number}" for number, found in enumerate(_ids(root))}
    _strip(root)
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        element.attrib = dict(_attributes(element.attrib, ids))
    view = root.get("viewBox", "0 0 0 0")
    root.attrib = {
        "class": f"plot {kind}".strip(),
        "viewBox": view,
        "width": view.split()[2],
        "role": "img",
        "aria-labelledby": f"{name}-title",
        "aria-describedby": f"{name}-description",
    }
    words = [ElementTree.Element("title", {"id": f"{name}-title"})]
    words.append(ElementTree.Element("desc", {"id": f"{name}-description"}))
    words[0].text, words[1].text = title, description
    for place, word in enumerate(words):
        root.insert(place, word)
    return ElementTree.tostring(root, encoding="unicode")


def _ids(root: ElementTree.Element) -> list[str]:
    """Ids that something refers to; all others only take room."""
    text = " ".join(value for element in root.iter() for value in element.attrib.values())
    referred = {*re.findall(r"url\(#([^)]+)\)", text)}
    for element in root.iter():
        referred |= {value[1:] for key, value in element.attrib.items() if key.endswith("href") and value[:1] == "#"}
    return sorted(found for element in root.iter() if (found := element.get("id")) in referred and found)


def _strip(element: ElementTree.Element) -> None:
    """Remove the style sheet and what is said about the file."""
    for child in list(element):
        if child.tag.rpartition("}")[2] in ("style", "metadata"):
            element.remove(child)
        else:
            _strip(child)


def _attributes(attributes: dict[str, str], ids: dict[str, str]) -> Iterator[tuple[str, str]]:
    for key, value in attributes.items():
        name = key.rpartition("}")[2]
        if name == "style":
            for declaration in value.split(";"):
                prop, _, setting = (part.strip() for part in declaration.partition(":"))
                yield from _presentation(prop, setting)
        elif name == "id":
            if value in ids:
                yield "id", ids[value]
        elif name == "href":
            yield "href", f"#{ids[value[1:]]}"
        elif name == "clip-path":
            yield name, re.sub(r"#([^)]+)", lambda match: f"#{ids[match[1]]}", value)
        else:
            yield name, value


def _presentation(prop: str, setting: str) -> Iterator[tuple[str, str]]:
    if prop == "font" and (size := re.search(r"([\d.]+)px", setting)):
        yield "font-size", size[1]
    elif prop in PRESENTATION:
        yield prop, _COLOUR.sub(lambda match: f"var(--{_NAMES[match[0]]})", setting)


_NAMES = {stand_in: name for name, stand_in in COLOURS.items()}
_COLOUR = re.compile("|".join(_NAMES))
