"""Numbers as the report shows them.

Each is wrapped in HTML's ``<data value="...">`` with the full value, so that nothing is lost by
rounding: tables sort by it, and the tests find every shown number again in the data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import datetime

from markupsafe import Markup, escape

from reports.wording import t

MINUS = "\u2212"
GROUP = "\u202f"  # narrow no-break space, the SI way to group digits


def absent() -> Markup:
    """What stands where there is no value: a dash for the eye, a word for a screen reader."""
    return Markup(
        '<span class="absent"><span aria-hidden="true">–</span><span class="sr">{}</span></span>'
    ).format(t("common.none"))


def _data(value: float, shown: str) -> Markup:
    if shown.startswith("-") and not shown.strip("-0."):
        shown = shown[1:]  # no minus before a zero
    return Markup('<data value="{}">{}</data>').format(repr(settled(value)), shown.replace("-", MINUS))


def settled(value: float) -> float:
    """``value`` to twelve significant digits: the last bits of a sum depend on the processor's order of
    adding, and a rebuilt report must have the same bytes."""
    return value if isinstance(value, int) else float(f"{value:.12g}")


def count(value: int | None) -> Markup:
    """A whole number, five digits and more grouped by three."""
    return absent() if value is None else _data(int(value), _grouped(int(value)))


def _grouped(value: int) -> str:
    return str(value) if abs(value) < 10_000 else f"{value:,}".replace(",", GROUP)


def fixed(value: float | None, digits: int) -> Markup:
    """``digits`` decimals; nothing for None or NaN."""
    if value is None or math.isnan(value):
        return absent()
    return _data(float(value), f"{float(value):.{digits}f}")


def bare(value: float) -> Markup:
    """A number of unknown meaning out of the run's record, six significant digits."""
    return _data(value, str(value) if isinstance(value, int) else f"{value:.6g}")


def auc(value: float | None) -> Markup:
    """An area under the ROC curve: three decimals, as in the paper's tables."""
    return fixed(value, 3)


def decimals(scores: Iterable[float]) -> int:
    """How many decimals the report's scores need so that their spread shows in three digits, 3 to 9.

    Scores of a model that tells little apart lie within a thousandth of one another.
    """
    found = list(scores)
    spread = max(found) - min(found) if found else 0.0
    return min(max(2 - math.floor(math.log10(spread)), 3), 9) if spread > 0 else 3


def share(value: float | None) -> Markup:
    """A share as per cent with one decimal; the value stays between 0 and 1."""
    return absent() if value is None else Markup("{}{}%").format(_data(value, f"{100 * value:.1f}"), GROUP)


def percent(value: float | None) -> Markup:
    """A share as a bare number of per cent, whole."""
    return absent() if value is None else _data(value, f"{100 * value:.0f}")


def seconds(value: float | None) -> Markup:
    """A time in seconds, to the tenth."""
    return absent() if value is None else Markup("{}{}s").format(fixed(value, 1), GROUP)


def rate(value: float | None) -> Markup:
    """A frame rate, two decimals where it is not whole."""
    if value is None:
        return absent()
    return _data(float(value), f"{value:.2f}".rstrip("0").rstrip("."))


def interval(low: float | None, high: float | None, digits: int = 3) -> Markup:
    """``0.81 to 0.93``; nothing when the data carry no interval."""
    if low is None or high is None:
        return absent()
    return t("common.interval", low=fixed(low, digits), high=fixed(high, digits))


def size(value: int | None) -> Markup:
    """Bytes in decimal units, the exact count as value."""
    if value is None:
        return absent()
    number, unit = float(value), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if number < 1000:
            break
        number, unit = number / 1000, larger
    digits = 0 if unit == "B" or number >= 100 else 1
    return Markup("{}{}{}").format(_data(int(value), f"{number:.{digits}f}"), GROUP, unit)


def moment(text: str | None) -> Markup:
    """An ISO 8601 time in UTC, to the second, as ``2026-11-21 04:19:47 UTC``."""
    if not text:
        return absent()
    try:
        shown = datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S UTC")
    except ValueError:
        shown = text
    return Markup('<time datetime="{}">{}</time>').format(escape(text), shown)
