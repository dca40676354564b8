"""What the scores say of each questioned video, and why they say nothing of some."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reports.case import Case, Exhibit, Row


@dataclass(frozen=True)
class Ranked:
    """One known identity a questioned video was compared with; scores are minus a distance."""

    identity: str
    rank: int
    score: float
    n_known: int
    n_known_clips: int
    llr: float | None
    llr_low: float | None
    llr_high: float | None
    llr_bound: float | None
    llr_note: str


@dataclass(frozen=True)
class Questioned:
    """One questioned video: the ranking over identities, or in `why_not` the reason for none.

    ``claimed`` is the claimed driver's place in the ranking; without one, that driver is ``claimed_unknown``
    or, known by no video that can be compared, ``claimed_uncompared``. ``margin`` is the first rank's score
    less the second's; None with fewer than two identities.
    """

    label: str
    anchor: str
    path: str
    claimed_driver: str | None
    claimed: Ranked | None
    claimed_unknown: bool
    claimed_uncompared: bool
    n_clips: int
    n_usable: int
    ranking: tuple[Ranked, ...]
    margin: float | None
    why_not: str | None
    why_not_detail: str | None
    caveats: tuple[str, ...]

    @property
    def weighed(self) -> bool:
        """Whether any place of the ranking has a likelihood ratio, so that the ranking shows them."""
        return any(r.llr is not None for r in self.ranking)

    @property
    def notes(self) -> dict[str, list[str]]:
        """What is said of the strength of each place in the ranking -> the identities it is said of.

        No identity is named where all share the one note.
        """
        return _by_note(self.ranking)


def strength_notes(results: list[Questioned]) -> dict[str, dict[str, list[str]]]:
    """What is said of the nearest identity and of the claimed driver -> the labels of the videos -> of whom.

    Nobody is named where it is said of both, or of the only one.
    """
    notes: dict[str, dict[str, list[str]]] = {}
    for result in results:
        shown = [*result.ranking[:1], *([result.claimed] if result.claimed else [])]
        for note, names in _by_note(shown).items():
            notes.setdefault(note, {})[result.label] = names
    return notes


def _by_note(ranked: Iterable[Ranked]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for identity, note in {r.identity: r.llr_note for r in ranked}.items():
        found.setdefault(note, []).append(identity)
    return found if len(found) > 1 else {note: [] for note in found}


def questioned(case: Case) -> list[Questioned]:
    """Every questioned video that was found, in order of label."""
    known = known_identities(case)
    faceless = {e.evidence_id: e.row["identity"] for e in case.exhibits if _faceless(case, e.row)}
    return [_result(case, e, known, faceless) for e in case.exhibits if e.row["role"] == "questioned"]


def known_identities(case: Case) -> set[str]:
    """Everybody a known video was found of, whether or not it can be compared."""
    return {e.row["identity"] for e in case.exhibits if e.row["identity"] is not None}


def _result(
    case: Case, exhibit: Exhibit, known: set[str], faceless: dict[str | None, str | None]
) -> Questioned:
    row = exhibit.row
    scored = case.scores.get(exhibit.evidence_id or "", [])
    ranking = tuple(Ranked(**{f: r[f] for f in Ranked.__dataclass_fields__}) for r in scored)
    ranking = tuple(sorted(ranking, key=lambda r: (r.rank, r.identity)))
    why_not = _why_not(row, bool(ranking))
    if why_not:
        ranking = ()
    claimed = row["claimed_driver"]
    of_identity = {r.identity: r for r in ranking}
    absent = bool(claimed and ranking and claimed not in of_identity)
    return Questioned(
        label=exhibit.label,
        anchor=exhibit.anchor,
        path=exhibit.path,
        claimed_driver=claimed,
        claimed=of_identity.get(claimed) if claimed else None,
        claimed_unknown=absent and claimed not in known,
        claimed_uncompared=absent and claimed in known,
        n_clips=row["n_clips"],
        n_usable=row["n_usable"],
        ranking=ranking,
        margin=ranking[0].score - ranking[1].score if len(ranking) > 1 else None,
        why_not=why_not,
        why_not_detail=row["conflict"] if why_not == "conflict" else row["reason"],
        caveats=tuple(_caveats(row, ranking, case, faceless)),
    )


def _why_not(row: Row, scored: bool) -> str | None:
    if row["status"] == "failed":
        return "failed"
    if row["conflict"]:
        return "conflict"
    if row["n_usable"] == 0:
        return "no_usable_clips" if row["n_clips"] else "no_clips"
    return None if scored else "no_known"


def _faceless(case: Case, row: Row) -> bool:
    """Whether a video that is compared shows no face that was found, in any clip."""
    clips = case.clips.get(row["evidence_id"] or "", [])
    return (
        row["conflict"] is None
        and any(clip["usable"] for clip in clips)
        and all("face_absent" in clip["flags"] for clip in clips)
    )


def _caveats(
    row: Row, ranking: tuple[Ranked, ...], case: Case, faceless: dict[str | None, str | None]
) -> list[str]:
    """Codes of what a reader of these scores must know; ``faceless``: videos without a face -> whose."""
    if not ranking:
        return []
    found = []
    if row["n_usable"] == 1:
        found.append("one_clip")
    if any(r.n_known == 1 for r in ranking):
        found.append("one_known_video")
    if len(ranking) == 1:
        found.append("one_identity")
    compared = {r.identity for r in ranking}
    if row["evidence_id"] in faceless:
        found.append("no_face")
    if compared.intersection(faceless.values()):
        found.append("known_no_face")
    if row["target"] is not None:
        faces = {e.row["target"] for e in case.exhibits if e.row["identity"] in compared}
        found += ["other_face"] if faces - {row["target"], None} else []
    if row["reason_code"]:
        found.append("processed_with_caveat")
    return found
