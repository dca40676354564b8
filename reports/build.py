"""``report.html`` of a case: one file, no network, the same bytes for the same data and version."""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from model.resampling import FEWEST_PAIRS
from pipeline.custody import PAGES, REPORT
from pipeline.names import INVISIBLE
from reports import digits, page
from reports.case import Case, load_case
from reports.content import Content, as_data, content
from reports.figures.det import det
from reports.figures.distribution import binned, distribution
from reports.figures.pav import pav_plot
from reports.figures.separation import MOST_ROWS, per_identity, roc
from reports.figures.similarity import matrix, plane
from reports.figures.tippett import tippett_plot
from reports.names import shortened, visible
from reports.redact import redacted
from reports.videos import MOST_INLINE, Identities, Video, frames_per_video, video

_PAGE_SIZE: Final = 50
_MOST_LISTED: Final = 20  # files of the same pictures, and such sets, that the report names
_MOST_CLIPS: Final = 100  # rows of a video's clip table; the clips table of the case holds all


def build_report(case: Path, out: Path | None = None, *, redact: bool = False) -> Path:
    """Writes ``report.html`` into ``out``, by default the case folder itself, and returns its path.

    Beyond 200 videos the per-video sections go to ``report-videos/*.html`` beside it. Needs neither the
    videos nor the model. Raises UserError when the folder is not a case or a table cannot be read.
    """
    out = out or case
    found = content(_load(case, redact))
    case_, exhibits = found.case, found.case.exhibits
    identities = Identities(case_)
    linked = len(exhibits) > MOST_INLINE
    n_frames = frames_per_video(len(exhibits))
    environment = _environment(found.score_digits)
    style, script = _style(case_), page.script()
    shared: dict[str, Any] = {
        "c": found, "case": case_, "run": case_.run, "style": style, "script": script,
        "policy": page.policy(style, script), "linked": linked,
    }  # fmt: skip
    pages = {e.label: i // _PAGE_SIZE + 1 for i, e in enumerate(exhibits)}
    shared["href"] = {
        e.label: (f"{PAGES}/{pages[e.label]:03d}.html" if linked else "") + f"#{e.anchor}" for e in exhibits
    }
    shared["label_of"] = {e.key: e.label for e in exhibits}
    shared["path_of"] = {e.label: e.path for e in exhibits}
    shared["results"] = {q.label: q for q in found.questioned}
    shared |= {
        "most_rows": MOST_ROWS,
        "fewest_pairs": FEWEST_PAIRS,
        "most_clips": _MOST_CLIPS,
        "most_listed": _MOST_LISTED,
        "page_size": _PAGE_SIZE,
    }
    wanted: set[Path] = set()
    if linked:
        template = environment.get_template("page.html")
        for number in sorted(set(pages.values())):
            some = [e for e in exhibits if pages[e.label] == number]
            videos = [video(case_, e, identities, n_frames) for e in some]
            path = out / PAGES / f"{number:03d}.html"
            path.parent.mkdir(exist_ok=True)
            text = template.render(**shared, videos=videos, number=number, last=max(pages.values()))
            page.write_page(path, text)
            wanted.add(path)
    for stale in set((out / PAGES).glob("*.html")) - wanted:
        stale.unlink()
    videos = [] if linked else [video(case_, e, identities, n_frames) for e in exhibits]
    shared["bins"] = binned(found.known_scores, list(found.marks.values())) if _known(found) else None
    text = environment.get_template("report.html").render(**shared, videos=videos, figures=_figures(found))
    report = out / REPORT
    page.write_page(report, text)
    return report


def report_figures(case: Path, *, redact: bool = False) -> dict[str, Any]:
    """Every figure of the report as JSON-ready data: numbers, curves, bins, matrix, rankings, spans."""
    found = content(_load(case, redact))
    identities = Identities(found.case)
    data: dict[str, Any] = as_data(found)
    data["distribution"] = (
        as_data(binned(found.known_scores, list(found.marks.values()))) if _known(found) else None
    )
    exhibits = found.case.exhibits
    n_frames = frames_per_video(len(exhibits))
    data["videos"] = [_without_pixels(video(found.case, e, identities, n_frames)) for e in exhibits]
    return data


def _load(case: Path, redact: bool) -> Case:
    loaded = load_case(case)
    return redacted(loaded) if redact else loaded


def _known(found: Content) -> bool:
    return len(found.known_scores.different) > 0


def _without_pixels(section: Video) -> Any:
    data = as_data(section)
    data.pop("row")  # the evidence table stands in the data once already
    maps = [data[name]["picture"] for name in ("motion", "occlusion") if data[name]]
    for picture in [*data["frames"], *maps]:
        picture.pop("uri")
    return data


def _figures(found: Content) -> dict[str, Markup]:
    drawn: dict[str, Markup] = {}
    for reading in found.separations:
        drawn[f"roc-{reading.kind}"] = roc(reading)
        if reading.eer is not None:
            threshold = f"{reading.eer_threshold:.{found.score_digits}f}"
            drawn[f"det-{reading.kind}"] = det(reading, reading.eer, threshold)
        drawn[f"identities-{reading.kind}"] = per_identity(reading)
    if found.strengths:
        drawn["tippett"] = tippett_plot(found.strengths[0])
        drawn["pav"] = pav_plot(found.strengths[0])
    if _known(found):
        drawn["distribution"] = distribution(found.known_scores, found.marks)
    if found.exploration:
        drawn["matrix"] = matrix(found.exploration, found.score_digits)
        drawn["plane"] = plane(found.exploration)
    return drawn


def _environment(score_digits: int) -> jinja2.Environment:
    found = page.environment()
    found.filters["score"] = lambda value: digits.fixed(value, score_digits)
    return found


def _style(case: Case) -> Markup:
    """The style sheet with the case and its digest in the header of a printed page."""
    header = case.run.get("case", {})
    running = " · ".join(visible(str(x)) for x in (header.get("number"), header.get("title")) if x)
    digest = re.sub(r"[^0-9a-f]", "", str(case.run.get("result_digest") or ""))[:16]
    return page.style(shortened(running, 80), digest)


def figures_json(case: Path, *, redact: bool = False) -> str:
    """``report_figures`` as JSON text, keys sorted; what would act on a terminal stands there escaped."""
    text = json.dumps(report_figures(case, redact=redact), ensure_ascii=False, sort_keys=True, indent=1)
    # JSON itself escapes the first 32 characters only, and names come from suspects.
    return "".join(
        json.dumps(c)[1:-1] if c != "\n" and unicodedata.category(c) in INVISIBLE else c for c in text
    )
