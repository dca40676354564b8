"""A matplotlib figure as SVG that may stand inline in a page that allows no inline style.

matplotlib writes `style` attributes, which a hash-only `style-src` forbids; they become presentation
attributes. Ids get the figure's name in front, so that several figures in one page do not clash. The
few ink colours become CSS variables, so that dark mode and print recolour the figure.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from xml.etree import ElementTree

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

# Stand-ins matplotlib draws with; the page says what they look like (templates/report.css).
INK: Final = "#010101"
MUTED: Final = "#020202"
RULE: Final = "#030303"
SAME: Final = "#040404"
DIFFERENT: Final = "#050505"
PAPER: Final = "#060606"
MARK: Final = "#070707"
_VARIABLES: Final = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    RULE: "var(--rule)",
    SAME: "var(--same)",
    DIFFERENT: "var(--different)",
    PAPER: "var(--paper)",
    MARK: "var(--mark)",
}
_STYLE: Final[dict[Any, Any]] = {
    "svg.hashsalt": "driverprint",
    "svg.fonttype": "none",
    "text.parse_math": False,
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.7,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "text.color": INK,
    "figure.facecolor": "none",
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
    "path.simplify": False,
}


@contextmanager
def drawing(width: float, height: float) -> Iterator[Figure]:
    """A figure of ``width`` × ``height`` inches in the report's style."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A name may hold glyphs DejaVu Sans lacks; the reader's own fonts show them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        yield Figure(figsize=(width, height), layout="constrained")


def inline(figure: Figure, name: str, title: str, description: str) -> Markup:
    """``figure`` as one `<svg role="img">` whose accessible name and description are the two texts.

    ``name`` must be unique in the page; it prefixes every id. Same figure, same bytes.
    """
    out = io.BytesIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(out, format="svg", metadata=nothing)
    # Our own drawing of a moment ago, no foreign XML.
    root = ElementTree.fromstring(out.getvalue())
    for element in list(root.iter()):
        _clean(element, name)
    for child in [c for c in root if c.tag == "metadata"]:
        root.remove(child)
    for parent in list(root.iter()):
        for child in [c for c in parent if c.tag == "style"]:
            parent.remove(child)
    width = float(root.attrib["viewBox"].split()[2])
    root.attrib.pop("height")
    root.attrib.pop("version", None)
    root.attrib |= {
        "width": f"{width * 4 / 3:.0f}",
        "role": "img",
        "aria-labelledby": f"{name}-title {name}-desc",
        "stroke-linejoin": "round",
        "stroke-linecap": "butt",
        "class": "drawn",
    }
    for place, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(tag, {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(place, element)
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _clean(element: ElementTree.Element, name: str) -> None:
    element.tag = element.tag.rpartition("}")[2]
    attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    element.attrib.clear()
    for declaration in attributes.pop("style", "").split(";"):
        key, _, value = declaration.partition(":")
        if key.strip() and key.strip() != "font-family":
            attributes.setdefault(key.strip(), value.strip())
    font = re.search(r"([\d.]+)px", attributes.pop("font", ""))
    if font:
        attributes["font-size"] = font[1] + "px"
    for key, value in attributes.items():
        element.set(key, _VARIABLES.get(value) or _renamed(key, value, name))
    if element.tag == "path" and "d" in element.attrib:
        element.set("d", re.sub(r"\s+", " ", re.sub(r"(\d+\.\d{2})\d+", r"\1", element.attrib["d"])).strip())


def _renamed(key: str, value: str, name: str) -> str:
    """An attribute's value with every id it declares or points to prefixed by ``name``."""
    if key == "id":
        return f"{name}-{value}"
    if key == "href":
        return f"#{name}-{value[1:]}" if value.startswith("#") else re.sub(r"\s", "", value)
    return value.replace("url(#", f"url(#{name}-")
