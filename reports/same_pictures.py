"""Videos of other bytes that show the same pictures.

Written into another container, tagged anew or a byte longer, a recording has another SHA-256 and is taken for
another video: it matches itself, and counts twice wherever videos are counted.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Final

import numpy as np

from reports.case import Case

_EQUAL: Final = 1e-3  # of each number of an embedding: a cluster's machines may differ in the last digits


def same_pictures(case: Case) -> list[tuple[str, ...]]:
    """Labels of videos whose clips begin, end and move alike to the last digit and have equal embeddings.

    Videos that are compared with nothing are left out, and so are those without a clip fit for comparison.
    """
    alike: dict[object, list[tuple[str, str]]] = defaultdict(list)
    for exhibit in case.exhibits:
        clips = case.clips.get(exhibit.evidence_id or "", [])
        if exhibit.evidence_id and exhibit.row["conflict"] is None and any(c["usable"] for c in clips):
            moves = tuple((c["start_frame"], c["end_frame"], c["motion_energy"]) for c in clips)
            alike[moves].append((exhibit.label, exhibit.evidence_id))
    found = []
    for members in alike.values():
        waiting = members
        while len(waiting) > 1:
            first = case.usable_embeddings(waiting[0][1])
            equal = [
                (label, key)
                for label, key in waiting
                if (other := case.usable_embeddings(key)).shape == first.shape
                and np.allclose(other, first, rtol=0, atol=_EQUAL)
            ]
            if len(equal) > 1:
                found.append(tuple(label for label, _ in equal))
            waiting = [member for member in waiting[1:] if member not in equal]
    return found
