"""ROC and AUC per identity."""

from __future__ import annotations

from typing import Final

from markupsafe import Markup

from reports.figures.svg import DIFFERENT, INK, MUTED, RULE, SAME, drawing, inline
from reports.names import shortened
from reports.validation import Separation
from reports.wording import plain

MOST_ROWS: Final = 40


def roc(found: Separation) -> Markup:
    """Pooled ROC curve, chance line dashed; the equal-error point marked where error rates are given."""
    with drawing(4.6, 4.3) as figure:
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.text(
            0.62, 0.585, plain("figure.chance"), color=MUTED, rotation=45, rotation_mode="anchor", va="top"
        )
        axes.fill_between(found.fpr, found.tpr, color=SAME, alpha=0.08, linewidth=0)
        axes.plot(found.fpr, found.tpr, color=SAME, linewidth=1.8, solid_capstyle="butt")
        if found.eer is not None:
            axes.plot([found.eer], [1 - found.eer], "o", color=INK, markersize=4.5)
            label = plain("figure.eer", eer=f"{100 * found.eer:.1f}")
            axes.annotate(label, (found.eer, 1 - found.eer), (8, -10), textcoords="offset points")
        axes.set(xlim=(-0.005, 1.005), ylim=(-0.005, 1.005), aspect="equal")
        axes.set_xlabel(plain("figure.fpr"))
        axes.set_ylabel(plain("figure.tpr"))
        axes.grid(color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        title = plain(f"separation.{found.kind}.roc_title")
        description = plain(
            "figure.roc_desc",
            auc=f"{found.pooled_auc:.3f}",
            positives=found.n_positives,
            negatives=found.n_negatives,
        )
        return inline(figure, f"roc-{found.kind}", title, description)


def per_identity(found: Separation) -> Markup:
    """AUC of each identity as a dot with its interval, lowest first; the mean as a line.

    Beyond forty identities the lowest forty are drawn; the table beside the figure holds all.
    """
    rows = sorted(found.identities, key=lambda r: (r.auc, r.name))[:MOST_ROWS][::-1]
    with drawing(6.6, max(2.0, 0.9 + 0.26 * len(rows))) as figure:
        axes = figure.add_subplot()
        axes.axvline(0.5, color=MUTED, linewidth=0.8, linestyle=(0, (4, 3)))
        axes.axvline(found.mean_auc, color=SAME, linewidth=1)
        for y, row in enumerate(rows):
            low, high = row.interval.low, row.interval.high
            if low is not None and high is not None:
                axes.plot([low, high], [y, y], color=INK, linewidth=1.4, solid_capstyle="butt")
            axes.plot([row.auc], [y], "o", color=DIFFERENT if low is None else INK, markersize=5)
        axes.set_yticks(range(len(rows)), [shortened(row.name, 28) for row in rows])
        lowest = min([0.5] + [row.auc if row.interval.low is None else row.interval.low for row in rows])
        axes.set(xlim=(max(-0.02, lowest - 0.04), 1.02), ylim=(-0.7, len(rows) - 0.3))
        axes.tick_params(axis="y", length=0)
        axes.spines["left"].set_visible(False)
        axes.set_xlabel(plain("figure.auc_axis"))
        axes.grid(axis="x", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.text(found.mean_auc, len(rows) - 0.3, plain("figure.mean"), ha="center", va="bottom", color=SAME)
        title = plain(f"separation.{found.kind}.identities_title")
        description = plain(
            "figure.identities_desc",
            n=len(found.identities),
            low=f"{min(r.auc for r in found.identities):.3f}",
            high=f"{max(r.auc for r in found.identities):.3f}",
        )
        return inline(figure, f"identities-{found.kind}", title, description)
