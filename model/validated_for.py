"""What a model file's own statement of what it is validated for amounts to."""

from __future__ import annotations

import re
from typing import Final

#: A statement that begins so grants nothing, whatever follows.
_OPENS: Final = re.compile(r"\W*(nothing|none|nobody|null|unknown|unspecified|no|not|never|nil|n/a|tbd)\b")
_DENIES: Final = re.compile(
    r"\b(un|non)[\s-]?(validated|tested|verified|evaluated)\b"
    r"|(\b(not|never)|n['’]t)[\s-]([\w-]+\s){0,3}(validated|tested|verified|evaluated)\b"
    r"|\b(no|without|lacks|awaits|pending|lacking|awaiting)\s(\w+\s){0,2}(validation|tests|testing)\b"
    r"|\bvalidation\s(is\s)?(pending|missing|lacking|outstanding)\b"
    r"|\bto be (validated|tested|verified|evaluated|determined)\b"
    r"|\b(no|not|never)\b[^.;]*\bevidence\b"
)
#: After a denial that only bounds a statement: "not validated for real people", but not "for anything".
_BOUNDED: Final = re.compile(r"\s(for|on|with|under|beyond|outside|against|below|above|in|at)\s(?!any|evid)")


def says_nothing(validated_for: str | None) -> bool:
    """True for an untrained model, for a denial, and for a missing word: silence must not look like trust.

    A denial anywhere in the statement counts, for what a mixed one grants cannot be told; only beside
    simulated people, who are no evidence anyhow, may one bound it: "simulation; not tested on real people".
    """
    said = " ".join((validated_for or "").lower().split())
    if not re.search(r"\w", said) or _OPENS.match(said) or "untrained" in said:
        return True
    denials = list(_DENIES.finditer(said))
    if simulated_only(said):
        denials = [
            one for one in denials
            if not one[0].endswith("evidence") and not _BOUNDED.match(said, one.end())
        ]  # fmt: skip
    return bool(denials)


def simulated_only(validated_for: str | None) -> bool:
    """True for a model validated on simulated people: how often they move alike says nothing of real ones."""
    return "simulat" in (validated_for or "").lower()


def in_words(validated_for: str | None) -> str:
    """The statement for a line that begins "validated for:", where a denial could be read as a purpose."""
    said = validated_for or ""
    if not says_nothing(said) or said.strip().lower().startswith("nothing"):
        return said
    return f'nothing (the model file says "{said}")'
