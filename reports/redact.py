"""A case without names and pictures: what may be shown to people who must not see the material.

File names become `file 12`, identities and faces `person 3`, and every sentence that could
quote a name is dropped; its reason code stays. Hashes stay: they say nothing to someone who does
not hold the file, and prove which file was meant to someone who does.
"""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa

from reports.case import PERSON_COLUMNS, Case, Row
from reports.wording import plain


def redacted(case: Case) -> Case:
    """``case`` with names replaced; the same name by the same stand-in everywhere."""
    people = sorted({row[c] for row in case.evidence for c in PERSON_COLUMNS if row[c] is not None})
    person = {name: plain("redacted.person", n=i) for i, name in enumerate(people, start=1)}
    file = {row["path"]: plain("redacted.file", n=i) for i, row in enumerate(case.evidence, start=1)}

    def evidence_row(row: Row) -> Row:
        named = {c: person.get(row[c]) for c in PERSON_COLUMNS}
        said = plain("redacted.reason") if row["conflict"] else None
        return {**row, **named, "path": file[row["path"]], "reason": None, "conflict": said}

    return replace(
        case,
        run=_run(case.run, file),
        evidence=tuple(evidence_row(row) for row in case.evidence),
        spellings=tuple(tuple(person[name] for name in alike) for alike in case.spellings),
        scores={
            key: [{**row, "identity": person.get(row["identity"], "–")} for row in rows]
            for key, rows in case.scores.items()
        },
        pairs=_pairs(case.pairs, person),
        redacted=True,
    )


def _run(run: Row, file: dict[str, str]) -> Row:
    hidden = plain("redacted.hidden")
    header = {**run.get("case", {})}
    for key in ("number", "examiner", "title"):
        header[key] = hidden if header.get(key) else None
    # Withheld, not left out: where none is stated the report gives its own.
    stated = header.get("propositions") or {}
    header["propositions"] = {name: hidden for name, words in stated.items() if words}
    return {
        **run,
        "case": header,
        "command": [hidden],
        "machine": {},
        "not_searched": [
            {"path": file.get(item["path"], hidden), "reason": hidden} for item in run.get("not_searched", [])
        ],
        "changed": [
            {**item, "path": file.get(item["path"], hidden), "reason": hidden}
            for item in run.get("changed", [])
        ],
        "conflicts": [
            {**item, "paths": [file.get(p, hidden) for p in item["paths"]], "reason": hidden}
            for item in run.get("conflicts", [])
        ],
    }


def _pairs(pairs: pa.Table, person: dict[str, str]) -> pa.Table:
    for name in ("left_identity", "right_identity"):
        place = pairs.schema.get_field_index(name)
        values = [person.get(v) if v is not None else None for v in pairs.column(name).to_pylist()]
        field = pairs.schema.field(place)
        pairs = pairs.set_column(place, field, pa.array(values, field.type))
    return pairs
