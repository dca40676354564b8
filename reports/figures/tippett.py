"""Tippett plot: how many comparisons of either kind reach a likelihood ratio."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from model.likelihood import tippett
from reports.figures.svg import DIFFERENT, MUTED, RULE, SAME, drawing, inline
from reports.strength import Strength
from reports.wording import plain


def tippett_plot(found: Strength) -> Markup:
    """Share of same-driver (solid) and different-driver (dashed) comparisons at or above each log10 LR."""
    curves = tippett(found.same, found.different)
    edge = 1.08 * max(float(np.abs(curves.llr).max()), 0.1)
    # Up to the lowest value everything is at or above, beyond the highest nothing.
    at = np.concatenate(([-edge], curves.llr, [edge]))
    with drawing(4.6, 3.9) as figure:
        axes = figure.add_subplot()
        axes.axvline(0, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        for shares, colour, style, label in (
            (curves.same, SAME, "-", plain("figure.same", n=len(found.same))),
            (curves.different, DIFFERENT, (0, (5, 2)), plain("figure.different", n=len(found.different))),
        ):
            steps = 100 * np.concatenate((shares, [0.0]))
            axes.stairs(
                steps,
                at,
                baseline=None,
                color=colour,
                linestyle=style,
                linewidth=1.6,
                label=label,
            )
        axes.set(xlim=(-edge, edge), ylim=(-1, 101))
        axes.set_xlabel(plain("figure.llr_axis"))
        axes.set_ylabel(plain("figure.tippett_y"))
        axes.grid(color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=2)
        description = plain(
            "figure.tippett_desc",
            same=_misleading("same", found.misleading_same),
            different=_misleading("different", found.misleading_different),
        )
        return inline(figure, "tippett", plain("strength.tippett_title"), description)


def _misleading(kind: str, share: float | None) -> str:
    if share is None:
        return plain(f"figure.tippett_{kind}_none")
    return plain(f"figure.tippett_{kind}", share=f"{100 * share:.1f}")
