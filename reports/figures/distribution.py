"""Where the questioned scores lie among the scores of known videos."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from reports.figures.svg import DIFFERENT, INK, MARK, RULE, SAME, drawing, inline
from reports.known_scores import KnownScores
from reports.wording import plain

_MOST_NAMED = 12


@dataclass(frozen=True)
class Bins:
    """``edges`` (b + 1,) and the counts of both classes in each bin (b,)."""

    edges: NDArray[np.float64]
    same: NDArray[np.int64]
    different: NDArray[np.int64]


def binned(scores: KnownScores, marks: list[float]) -> Bins:
    """Common bins over both classes and the marks: Freedman–Diaconis, 12 to 40 of them."""
    everything = np.concatenate((scores.same, scores.different, marks))
    low, high = float(everything.min()), float(everything.max())
    known = np.concatenate((scores.same, scores.different))
    spread = float(np.subtract(*np.percentile(known, [75, 25])))
    width = 2 * spread / len(known) ** (1 / 3)
    n = int(np.clip(np.ceil((high - low) / width), 12, 40)) if width > 0 else 12
    edges = np.linspace(low, high if high > low else low + 1e-6, n + 1)
    return Bins(edges, np.histogram(scores.same, edges)[0], np.histogram(scores.different, edges)[0])


def distribution(scores: KnownScores, marks: dict[str, float]) -> Markup:
    """Shares of same-driver scores (filled) and different-driver scores (hatched); each questioned
    video's nearest score as a named line."""
    bins = binned(scores, list(marks.values()))
    with drawing(6.6, 3.5) as figure:
        axes = figure.add_subplot()
        shares = [counts / max(counts.sum(), 1) * 100 for counts in (bins.different, bins.same)]
        axes.stairs(
            shares[0],
            bins.edges,
            fill=True,
            facecolor="none",
            edgecolor=DIFFERENT,
            hatch="////",
            linewidth=1.1,
            label=plain("figure.different", n=len(scores.different)),
        )
        if len(scores.same):
            label = plain("figure.same", n=len(scores.same))
            axes.stairs(shares[1], bins.edges, fill=True, facecolor=SAME, alpha=0.45, label=label)
            axes.stairs(shares[1], bins.edges, color=SAME, linewidth=1.3)
        margin = 0.04 * float(bins.edges[-1] - bins.edges[0])
        top = max(float(s.max()) for s in shares)
        ordered = sorted(marks.items(), key=lambda item: item[1])
        for i, (label, score) in enumerate(ordered):
            axes.plot([score, score], [0, top * 1.06], color=MARK, linewidth=1)
            if len(ordered) <= _MOST_NAMED:
                axes.text(score, top * (1.08 + 0.09 * (i % 3)), label, ha="center", va="bottom", color=INK)
        axes.set(ylim=(0, top * 1.42), xlim=(bins.edges[0] - margin, bins.edges[-1] + margin))
        axes.set_xlabel(plain("figure.score_axis"))
        axes.set_ylabel(plain("figure.share_axis"))
        axes.grid(axis="y", color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        figure.legend(loc="outside lower center", ncols=2)
        description = plain(
            "figure.distribution_desc",
            same=len(scores.same),
            different=len(scores.different),
            marks=len(marks),
        )
        return inline(figure, "distribution", plain("distribution.title"), description)
