"""A finished case as CASE/UCO: evidence, hashes, tool and results in the form other forensic tools read.

CASE 1.5 (Cyber-investigation Analysis Standard Expression) over UCO 1.5 (Unified Cyber Ontology), as
JSON-LD. Identifiers are UUIDs made from what they name (RFC 9562, version 5), so the same case gives the
same file. UCO has no terms for scores and ranks: they stand as sentences in an ``AnalyticResult``, and with
each what it must not be read without: other tools may show one result alone.
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from model.validated_for import in_words
from pipeline.case_folder import CaseFolder
from pipeline.names import printable
from pipeline.tables import read_table

_SPACE: Final = uuid.UUID("6f6a1b7e-0f2c-5d3a-9b64-3c1f0a8e7d21")  # any fixed number would do
CONTEXT: Final = {
    "kb": "http://example.org/kb/",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-analysis": "https://ontology.unifiedcyberontology.org/uco/analysis/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
#: Where the case states none.
SAME_AND_DIFFERENT: Final = {
    "same": "The questioned video was driven by the named known person.",
    "different": "The questioned video was driven by some other person.",
}
STATED_THERE: Final = (
    "case file: lay in the evidence; whoever handed that over may have written what is stated there of known "
    "and claimed drivers, faces and propositions"
)
Node = dict[str, Any]


def case_uco(case: CaseFolder) -> Node:
    """The JSON-LD document of a finished case.

    Raises UserError when the folder is not a case, FileNotFoundError when a table is missing.
    """
    record = case.read_record()
    digest = str(record["result_digest"])
    evidence = read_table(case.root, "evidence").to_pylist()
    scores = read_table(case.root, "scores").to_pylist()
    identities = {row["identity"] for row in scores}
    files = [_file(row) for row in evidence]
    copies: defaultdict[str, list[str]] = defaultdict(list)
    for row, node in zip(evidence, files, strict=True):
        copies[row["evidence_id"]].append(node["@id"])
    tool = {
        "@id": _id("tool", record["tool"]["version"]),
        "@type": "uco-tool:Tool",
        "uco-core:name": record["tool"]["name"],
        "uco-tool:version": record["tool"]["version"],
    }
    results = [_score(row, record, len(identities)) for row in scores]
    links = [
        _about(result, file)
        for result, row in zip(results, scores, strict=True)
        for file in copies[row["evidence_id"]]
    ]
    summary = _summary(record, digest)
    action = {
        "@id": _id("action", digest, record["started"]),
        "@type": "case-investigation:InvestigativeAction",
        "uco-core:name": "driverprint analyze",
        "uco-action:startTime": _time(record["started"]),
        "uco-action:endTime": _time(record["finished"]),
        "uco-action:instrument": {"@id": tool["@id"]},
        "uco-action:object": [{"@id": node["@id"]} for node in files],
        "uco-action:result": [{"@id": node["@id"]} for node in (summary, *results)],
    }
    content = [tool, *files, summary, *results, *links, action]
    investigation: Node = {
        "@id": _id("investigation", digest),
        "@type": "case-investigation:Investigation",
        "uco-core:object": [{"@id": node["@id"]} for node in content],
    }
    for term, value in (("name", record["case"]["number"]), ("description", record["case"]["title"])):
        if value:
            investigation[f"uco-core:{term}"] = value
    return {"@context": CONTEXT, "@graph": [investigation, *content]}


def _file(row: Node) -> Node:
    """A source file, archive member or folder that could not be read, with what became of it."""
    name = printable(row["path"].rsplit("/", 1)[-1])
    facet: Node = {
        "@id": _id("file-facet", row["path"]),
        "@type": "uco-observable:FileFacet",
        "uco-observable:fileName": name,
        "uco-observable:filePath": printable(row["path"]),
        "uco-observable:sizeInBytes": _typed(row["size"], "integer"),
    }
    if row["modified"] is not None:
        facet["uco-observable:modifiedTime"] = _time(row["modified"].isoformat())
    facets = [facet]
    if row["evidence_id"] is not None:
        facets.append(
            {
                "@id": _id("content-facet", row["path"]),
                "@type": "uco-observable:ContentDataFacet",
                "uco-observable:hash": {
                    "@id": _id("hash", row["path"]),
                    "@type": "uco-types:Hash",
                    "uco-types:hashMethod": "SHA256",
                    "uco-types:hashValue": _typed(row["evidence_id"], "hexBinary"),
                },
            }
        )
    outcome = row["status"] + (f": {printable(row['reason'])}" if row["reason"] else "")
    said = [f"role: {row['role']}", f"status: {outcome}"]
    if row["conflict"]:
        said.append(f"compared with nothing: {printable(row['conflict'])}")
    return {
        "@id": _id("file", row["path"]),
        "@type": "uco-observable:File",
        "uco-core:name": name,
        "uco-core:description": said,
        "uco-core:hasFacet": facets,
    }


def _summary(record: Node, digest: str) -> Node:
    counts = [f"{name}: {value}" for name, value in sorted(record["counts"].items())]
    model = record["model"]
    return {
        "@id": _id("summary", digest),
        "@type": "uco-analysis:AnalyticResult",
        "uco-core:name": "Run summary",
        "uco-core:description": [
            f"result digest: {digest}",
            f"model: {model['model_id']}",
            f"model validated for: {in_words(model['validated_for'])}",
            *counts,
            *([STATED_THERE] if (record.get("case_file") or {}).get("lies_in_evidence") else []),
        ],
    }


def _score(row: Node, record: Node, identities: int) -> Node:
    """One questioned video compared with one identity of so many."""
    digest = str(record["result_digest"])
    stated = {**SAME_AND_DIFFERENT, **{k: v for k, v in record["case"]["propositions"].items() if v}}
    said = [
        f"identity: {printable(row['identity'])}",
        f"rank: {row['rank']} of {identities}; the driver may be none of them",
        f"similarity: {row['score']!r}, minus a distance and no probability",
        f"clips used: {row['n_clips']}; known videos: {row['n_known']} of {row['n_known_clips']} clips",
        f"model validated for: {in_words(record['model']['validated_for'])}",
        f"same-driver proposition: {printable(stated['same'])}",
        f"different-driver proposition: {printable(stated['different'])}",
        f"log10 likelihood ratio: {_strength(row)}",
        f"note: {row['llr_note']}",
    ]
    return {
        "@id": _id("score", digest, row["evidence_id"], row["identity"]),
        "@type": "uco-analysis:AnalyticResult",
        "uco-core:name": "Comparison of a questioned video with a known driver",
        "uco-core:description": said,
        "uco-core:hasFacet": {
            "@id": _id("score-facet", digest, row["evidence_id"], row["identity"]),
            "@type": "uco-analysis:AnalyticResultFacet",
        },
    }


def _strength(row: Node) -> str:
    """A likelihood ratio never stands without its interval and the bound its calibration sets."""
    if row["llr"] is None:
        return "not reported"
    if row["llr_low"] is None:
        ends = "at the bound"
    else:
        ends = f"95 % interval {row['llr_low']!r} to {row['llr_high']!r}"
    return (
        f"{row['llr']!r} ({ends}; the calibration data carry at most {row['llr_bound']!r} on this side of 0)"
    )


def _about(result: Node, file: str) -> Node:
    """A result comes from a content, and so from every file that holds it."""
    return {
        "@id": _id("relationship", result["@id"], file),
        "@type": "uco-core:Relationship",
        "uco-core:source": {"@id": result["@id"]},
        "uco-core:target": {"@id": file},
        "uco-core:kindOfRelationship": "Derived_From",
        "uco-core:isDirectional": _typed("true", "boolean"),
    }


def _id(kind: str, *names: str) -> str:
    joined: Sequence[str] = (kind, *names)
    return f"kb:{kind}-{uuid.uuid5(_SPACE, chr(0).join(joined))}"


def _typed(value: object, kind: str) -> Node:
    return {"@type": f"xsd:{kind}", "@value": str(value)}


def _time(text: str) -> Node:
    return _typed(text, "dateTime")
