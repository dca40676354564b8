"""Exploratory figures: ordered similarity matrix with its dendrogram, and the two-axis map."""

from __future__ import annotations

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from scipy.cluster.hierarchy import dendrogram

from reports.exploratory import Exploration
from reports.figures.svg import INK, MUTED, PAPER, RULE, SAME, drawing, inline
from reports.wording import plain

#: Light is unlike, dark is alike: one hue, even in gray.
_SCALE = LinearSegmentedColormap.from_list("alike", ["#f4f1ea", "#9db4c8", "#1f4468"])
_NUMBERED = 12
_LABELLED = 45
_VECTOR = 30
_MARKERS = "osD^vP*Xh<>pd8H"


def matrix(found: Exploration, digits: int) -> Markup:
    """Similarity of all videos, dendrogram above; groups outlined."""
    n = len(found.labels)
    side = float(np.clip(0.34 * n, 2.8, 6.4))
    with drawing(side + 1.3, side + 1.7) as figure:
        above, axes = figure.subplots(2, 1, height_ratios=[1, side], sharex=False)
        tree = dendrogram(found.tree, no_plot=True)
        for xs, ys in zip(tree["icoord"], tree["dcoord"], strict=True):
            above.plot((np.array(xs) - 5) / 10, ys, color=INK, linewidth=0.8)
        above.set(xlim=(-0.5, n - 0.5), xticks=[])
        above.set_ylim(bottom=0)
        above.spines["bottom"].set_visible(False)
        above.set_ylabel(plain("figure.distance_axis"))
        above.locator_params(axis="y", nbins=3)
        off = found.scores[~np.eye(n, dtype=bool)]
        low, high = float(off.min()), float(off.max())
        shown = np.where(np.eye(n, dtype=bool), np.nan, found.scores)
        if n <= _VECTOR:
            edges = np.arange(n + 1) - 0.5
            drawn = axes.pcolormesh(
                edges, edges, shown, cmap=_SCALE, vmin=low, vmax=high, edgecolor=PAPER, lw=0.6
            )
            axes.invert_yaxis()
        else:
            drawn = axes.imshow(shown, cmap=_SCALE, vmin=low, vmax=high, interpolation="none", aspect="auto")
        if n <= _NUMBERED:
            for (i, j), value in np.ndenumerate(shown):
                if np.isfinite(value):
                    dark = value > low + 0.55 * (high - low)
                    colour = "#ffffff" if dark else "#1b1b1a"
                    axes.text(
                        j,
                        i,
                        f"{value:.{digits - 1}f}".replace("-", "−"),
                        ha="center",
                        va="center",
                        color=colour,
                        fontsize=7,
                    )
        _outline(found, axes)
        step = 1 if n <= _LABELLED else int(np.ceil(n / _LABELLED))
        ticks = range(0, n, step)
        labels = [found.labels[i] for i in ticks]
        axes.set_xticks(ticks, labels, rotation=90 if n > _NUMBERED else 0)
        axes.set_yticks(ticks, labels)
        axes.tick_params(length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.6, aspect=30, pad=0.02)
        bar.set_label(plain("figure.score_axis"))
        bar.outline.set_visible(False)
        title = plain("exploratory.matrix_title")
        return inline(figure, "matrix", title, plain("figure.matrix_desc", n=n, groups=len(found.groups)))


def _outline(found: Exploration, axes: Axes) -> None:
    place = {label: i for i, label in enumerate(found.labels)}
    for group in found.groups:
        first, last = place[group.members[0]] - 0.5, place[group.members[-1]] + 0.5
        axes.plot(
            [first, last, last, first, first], [first, first, last, last, first], color=INK, linewidth=1.4
        )


def plane(found: Exploration) -> Markup:
    """The two-axis map: one marker shape a group."""
    group_of = {label: g.number for g in found.groups for label in g.members}
    with drawing(6.0, 4.2) as figure:
        axes = figure.add_subplot()
        for i, (label, (x, y)) in enumerate(zip(found.labels, found.position, strict=True)):
            number = group_of.get(label)
            marker = _MARKERS[(number - 1) % len(_MARKERS)] if number else "o"
            axes.plot([x], [y], marker, color=SAME if number else MUTED, markersize=6, markeredgecolor=PAPER)
            if len(found.labels) <= _LABELLED:
                # Neighbours in dendrogram order lie close together: their labels go four ways.
                side, level = ("left", "right")[i % 2], ("bottom", "top")[i // 2 % 2]
                offset = (4 if side == "left" else -4, 2 if level == "bottom" else -2)
                axes.annotate(label, (x, y), offset, textcoords="offset points", ha=side, va=level)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set_xlabel(plain("figure.axis_one"))
        axes.set_ylabel(plain("figure.axis_two"))
        axes.grid(color=RULE, linewidth=0.5)
        axes.set_axisbelow(True)
        axes.margins(0.12)
        explained = 100 * (found.explained or 0.0)
        description = plain("figure.plane_desc", n=len(found.labels), explained=f"{explained:.0f}")
        return inline(figure, "plane", plain("exploratory.plane_title"), description)
