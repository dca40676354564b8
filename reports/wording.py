"""Every English sentence of the report, read from one file.

A second language is a second `strings.<language>.toml`. The templates and the figures ask for a
sentence by key; inline markup in the file is ours, whatever is filled in is escaped.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

TEMPLATES: Final = Path(__file__).resolve().parent.parent / "templates"


@cache
def strings(language: str = "en") -> dict[str, str]:
    """All sentences by dotted key, e.g. ``results.heading``."""
    text = (TEMPLATES / f"strings.{language}.toml").read_text(encoding="utf-8")
    flat: dict[str, str] = {}

    def descend(prefix: str, table: dict[str, Any]) -> None:
        for key, value in table.items():
            if isinstance(value, dict):
                descend(f"{prefix}{key}.", value)
            else:
                flat[prefix + key] = value.strip()

    descend("", tomllib.loads(text))
    return flat


def t(key: str, **values: object) -> Markup:
    """The sentence ``key`` as HTML, ``values`` escaped. A missing key is a KeyError."""
    return Markup(strings()[key]).format(**values)


def plain(key: str, **values: object) -> str:
    """The sentence ``key`` as text, for figures and attributes; it must hold no markup."""
    return strings()[key].format(**values)


def plural(key: str, amount: int, **values: object) -> Markup:
    """``key.one`` or ``key.other`` by ``amount``, which the sentence may show as ``{n}``."""
    return t(f"{key}.{'one' if amount == 1 else 'other'}", **{"n": amount, **values})


def optional(key: str) -> str | None:
    """The sentence ``key`` if there is one: codes of the pipeline the report may not know yet."""
    return strings().get(key)
