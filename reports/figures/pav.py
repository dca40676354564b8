"""PAV plot: the likelihood ratios given, against those the comparisons would have deserved."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup

from model.likelihood import pav
from reports.figures.svg import DIFFERENT, MUTED, RULE, SAME, drawing, inline
from reports.strength import Strength
from reports.wording import plain


def pav_plot(found: Strength) -> Markup:
    """log10 LR after pool-adjacent-violators over log10 LR; the diagonal is perfect calibration.

    Infinite values stand on the frame: there only one kind of comparison was seen.
    """
    fit = pav(found.same, found.different)
    finite = fit.llr[np.isfinite(fit.llr)]
    edge = 1.15 * max(float(np.abs(np.concatenate((fit.value, finite))).max()), 0.1)
    shown = np.clip(fit.llr, -edge, edge)
    with drawing(4.6, 3.9) as figure:
        axes = figure.add_subplot()
        axes.plot([-edge, edge], [-edge, edge], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        for kind, colour, marker, key in (
            (~fit.same, DIFFERENT, "x", "figure.different"),
            (fit.same, SAME, "o", "figure.same"),
        ):
            axes.plot(
                fit.value[kind],
                shown[kind],
                marker,
                color=colour,
                markersize=4,
                markerfacecolor="none",
                label=plain(key, n=int(kind.sum())),
                clip_on=False,
            )
        axes.set(xlim=(-edge, edge), ylim=(-edge, edge))
        axes.set_xlabel(plain("figure.llr_axis"))
        axes.set_ylabel(plain("figure.pav_y"))
        axes.grid(color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=2)
        description = plain("figure.pav_desc", cllr=f"{found.cllr:.2f}", cllr_min=f"{found.cllr_min:.2f}")
        return inline(figure, "pav", plain("strength.pav_title"), description)
