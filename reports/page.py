"""What every page of ours has in common: the template environment, the policy, writing it whole."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Final

import jinja2
from markupsafe import Markup

from reports import digits, wording
from reports.names import shortened, told_apart, visible
from reports.wording import TEMPLATES

_NUMBER_FILTERS: Final = (
    *("auc", "bare", "count", "fixed", "interval", "moment"),
    *("percent", "rate", "seconds", "share", "size"),
)


def environment() -> jinja2.Environment:
    """Templates with autoescape, no undefined name let through, our sentences and our digits."""
    found = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.globals |= {"t": wording.t, "plain": wording.plain, "plural": wording.plural}
    found.globals |= {"optional": wording.optional}
    found.globals |= {"interval": digits.interval, "absent": digits.absent}
    found.filters |= {name: getattr(digits, name) for name in _NUMBER_FILTERS}
    found.filters |= {"visible": visible, "shortened": shortened, "name": name}
    return found


def name(text: str | None) -> Markup:
    """A name from the evidence: isolated from the text direction around it, nothing in it invisible."""
    return digits.absent() if text is None else Markup('<bdi class="name">{}</bdi>').format(told_apart(text))


def style(running: str = "", digest: str = "") -> Markup:
    """The style sheet; the header of a printed page is part of it. ``digest`` holds hexadecimal digits."""
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    return Markup(css.replace('"{running}"', css_string(running)).replace("{digest}", digest))


def script() -> Markup:
    """The script, to stand inline."""
    return Markup((TEMPLATES / "report.js").read_text(encoding="utf-8"))


def policy(style_sheet: str, program: str) -> str:
    """Nothing may be loaded or run but this very style sheet, this very script, and inline pictures."""
    hashes = [base64.b64encode(hashlib.sha256(x.encode()).digest()).decode() for x in (style_sheet, program)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "img-src data:; base-uri 'none'; form-action 'none'"
    )


def write_page(path: Path, text: str) -> None:
    """Whole or not at all: a report cut short must not look like one. Raises OSError that names ``path``."""
    part = path.with_suffix(".part")
    try:
        part.write_text(text, encoding="utf-8", newline="\n")
        part.replace(path)
    except OSError as error:
        error.filename, error.filename2 = str(path), None  # a failed write carries no name
        raise


def css_string(text: str) -> str:
    """``text`` as a CSS string in which every character but letters and digits is an escape."""
    escaped = "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):X} " for c in text)
    return f'"{escaped}"'
