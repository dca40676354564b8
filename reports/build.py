"""``report.html`` of a case: one file, no network, the same bytes for the same data and version."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Any, Final

import jinja2
from markupsafe import Markup

from reports import digits, wording
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
from reports.validation import FEWEST_PAIRS
from reports.videos import MOST_INLINE, Identities, Video, frames_per_video, video
from reports.wording import TEMPLATES

PAGE_FOLDER: Final = "report-videos"
_PAGE_SIZE: Final = 50
_MOST_CLIPS: Final = 100  # rows of a video's clip table; the clips table of the case holds all


def build_report(case: Path, *, redact: bool = False) -> Path:
    """Writes ``report.html`` into the case folder and returns its path.

    Beyond 200 videos the per-video sections go to ``report-videos/*.html`` beside it. Needs neither the
    videos nor the model. Raises UserError when the folder is not a case or a table cannot be read.
    """
    found = content(_load(case, redact))
    case_, exhibits = found.case, found.case.exhibits
    identities = Identities(case_)
    linked = len(exhibits) > MOST_INLINE
    n_frames = frames_per_video(len(exhibits))
    environment = _environment(found.score_digits)
    style, script = _assets(case_)
    shared: dict[str, Any] = {
        "c": found, "case": case_, "run": case_.run, "style": style, "script": script,
        "policy": _policy(style, script), "linked": linked,
    }  # fmt: skip
    pages = {e.label: i // _PAGE_SIZE + 1 for i, e in enumerate(exhibits)}
    shared["href"] = {
        e.label: (f"{PAGE_FOLDER}/{pages[e.label]:03d}.html" if linked else "") + f"#{e.anchor}"
        for e in exhibits
    }
    shared["label_of"] = {e.key: e.label for e in exhibits}
    shared["path_of"] = {e.label: e.path for e in exhibits}
    shared["results"] = {q.label: q for q in found.questioned}
    shared |= {
        "most_rows": MOST_ROWS,
        "fewest_pairs": FEWEST_PAIRS,
        "most_clips": _MOST_CLIPS,
        "page_size": _PAGE_SIZE,
    }
    wanted: set[Path] = set()
    if linked:
        template = environment.get_template("page.html")
        for number in sorted(set(pages.values())):
            some = [e for e in exhibits if pages[e.label] == number]
            videos = [video(case_, e, identities, n_frames) for e in some]
            page = case / PAGE_FOLDER / f"{number:03d}.html"
            page.parent.mkdir(exist_ok=True)
            _write(page, template.render(**shared, videos=videos, number=number, last=max(pages.values())))
            wanted.add(page)
    for stale in set((case / PAGE_FOLDER).glob("*.html")) - wanted:
        stale.unlink()
    videos = [] if linked else [video(case_, e, identities, n_frames) for e in exhibits]
    shared["bins"] = binned(found.known_scores, list(found.marks.values())) if _known(found) else None
    text = environment.get_template("report.html").render(**shared, videos=videos, figures=_figures(found))
    report = case / "report.html"
    _write(report, text)
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


_NUMBER_FILTERS: Final = (
    *("auc", "bare", "count", "fixed", "interval", "moment"),
    *("percent", "rate", "seconds", "share", "size"),
)


def _environment(score_digits: int) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"t": wording.t, "plain": wording.plain, "plural": wording.plural}
    environment.globals |= {"optional": wording.optional}
    environment.filters |= {name: getattr(digits, name) for name in _NUMBER_FILTERS}
    environment.filters["score"] = lambda value: digits.fixed(value, score_digits)
    environment.globals |= {"interval": digits.interval, "absent": digits.absent}
    environment.filters |= {"visible": visible, "shortened": shortened, "name": _name}
    return environment


def _name(text: str | None) -> Markup:
    """A name from the evidence: isolated from the text direction around it, nothing in it invisible."""
    return digits.absent() if text is None else Markup('<bdi class="name">{}</bdi>').format(visible(text))


def _assets(case: Case) -> tuple[Markup, Markup]:
    """The style sheet and the script, inline; the page header of the print is part of the style."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    header = case.run.get("case", {})
    running = " · ".join(visible(str(x)) for x in (header.get("number"), header.get("title")) if x)
    digest = re.sub(r"[^0-9a-f]", "", str(case.run.get("result_digest") or ""))[:16]
    css = css.replace('"{running}"', _css_string(shortened(running, 80))).replace("{digest}", digest)
    return Markup(css), Markup((TEMPLATES / "report.js").read_text(encoding="utf-8"))


def _css_string(text: str) -> str:
    """``text`` as a CSS string in which every character but letters and digits is an escape."""
    escaped = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):X} " for c in text)
    return f'"{escaped}"'


def _policy(style: str, script: str) -> str:
    """Nothing may be loaded or run but this very style sheet, this very script, and inline pictures."""
    hashes = [base64.b64encode(hashlib.sha256(x.encode()).digest()).decode() for x in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def _write(path: Path, text: str) -> None:
    """Whole or not at all: a report cut short must not look like one."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8", newline="\n")
    part.replace(path)


def figures_json(case: Path, *, redact: bool = False) -> str:
    """``report_figures`` as JSON text, keys sorted."""
    return json.dumps(report_figures(case, redact=redact), ensure_ascii=False, sort_keys=True, indent=1)
