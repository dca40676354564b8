"""Detection error trade-off: both error rates on normal-deviate axes (ISO/IEC 19795-1, Martin 1997)."""

from __future__ import annotations

from typing import Final

import numpy as np
from markupsafe import Markup
from scipy.special import ndtri

from reports.figures.svg import INK, MUTED, RULE, SAME, drawing, inline
from reports.validation import Separation
from reports.wording import plain

_TICKS: Final = (0.001, 0.01, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 0.95)


def det(found: Separation, eer: float, threshold: str) -> Markup:
    """False non-match against false match; rates of 0 and 1 lie beyond the frame, where no pair is left."""
    finest = 0.4 / max(found.n_positives, found.n_negatives)
    low, high = ndtri(max(finest, 0.0005)), ndtri(0.95)
    match, miss = np.array(found.fpr), 1 - np.array(found.tpr)
    with drawing(4.6, 4.3) as figure:
        axes = figure.add_subplot()
        axes.plot([low, high], [low, high], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        x, y = (np.clip(ndtri(np.clip(rate, 1e-9, 1 - 1e-9)), low - 1, high + 1) for rate in (match, miss))
        axes.plot(x, y, color=SAME, linewidth=1.8, solid_capstyle="butt")
        point = ndtri(np.clip(eer, 1e-9, 1 - 1e-9))
        if low <= point <= high:
            axes.plot([point], [point], "o", color=INK, markersize=4.5)
            axes.annotate(
                plain("figure.eer", eer=f"{100 * eer:.1f}"),
                (point, point),
                (8, 4),
                textcoords="offset points",
            )
        ticks = [t for t in _TICKS if low <= ndtri(t) <= high]
        labels = [f"{100 * t:g}" for t in ticks]
        axes.set_xticks(ndtri(ticks), labels)
        axes.set_yticks(ndtri(ticks), labels)
        axes.set(xlim=(low, high), ylim=(low, high), aspect="equal")
        axes.set_xlabel(plain("figure.det_x"))
        axes.set_ylabel(plain("figure.det_y"))
        axes.grid(color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        title = plain(f"separation.{found.kind}.det_title")
        description = plain("figure.det_desc", eer=f"{100 * eer:.1f}", threshold=threshold)
        return inline(figure, f"det-{found.kind}", title, description)
