"""What `driverprint analyze` was asked for, checked before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model.metadata import ModelFileError, ModelMetadata, model_id, read_metadata
from model.shipped import shipped_model
from pipeline.case_folder import CaseFolder
from pipeline.casefile import CaseFile, read_case
from pipeline.cli.progress import say
from pipeline.errors import UserError
from pipeline.run_record import tool_version


@dataclass(frozen=True)
class Request:
    """What the user asked for. ``clip_length`` and ``stride`` in frames."""

    evidence: Path
    case: CaseFolder
    model: Path
    metadata: ModelMetadata
    model_id: str  # of the file as it was then; each worker looks whether it still is
    case_file: CaseFile
    clip_length: int
    stride: int
    workers: int | None  # one a core
    address: str | None  # of a Ray cluster


def plan_of(request: Request) -> dict[str, Any]:
    """Everything but the file and its crop that decides what a shard contains."""
    return {
        "version": tool_version(),
        "evidence": str(request.evidence),
        "model_id": request.model_id,
        "clip_length": request.clip_length,
        "stride": request.stride,
    }


def question_of(request: Request) -> dict[str, Any]:
    """Everything that decides what the case says, but the evidence itself."""
    return {**plan_of(request), "case_file": request.case_file.sha256}


def read_request(
    evidence: Path,
    out: Path,
    model: Path | None,
    case: Path | None,
    clip_length: int | None,
    stride: int | None,
    workers: int | None,
    address: str | None,
) -> Request:
    """The request, its paths resolved, defaults taken from case file and model.

    Raises UserError that says what to name instead.
    """
    if not evidence.is_dir():
        raise UserError(f"{evidence} is not a folder: name the folder that holds the videos.")
    folder = CaseFolder(out)
    if evidence.resolve().is_relative_to(folder.root):
        raise UserError(
            f"The evidence folder {evidence} lies in the case folder {out}, which is written and, with "
            "--fresh, emptied: name a case folder outside the evidence with -o, or move the evidence."
        )
    if folder.root.is_relative_to(evidence.resolve()):
        raise UserError(
            f"The case folder {out} lies in the evidence folder {evidence}, which is only read, and a "
            "later run would take the case for evidence: name a case folder outside it with -o, and move out "
            "a case that lies there already."
        )
    chosen = (model or shipped_model()).resolve()
    try:
        known_as = model_id(chosen)
        metadata = read_metadata(chosen)
    except ModelFileError as error:
        raise UserError(str(error)) from None
    case_file = read_case(evidence, case)
    if case is None and case_file.source is not None:
        say(
            f"The statements in {case_file.source} are used. It lies in the evidence: if it is not the "
            "examiner's own, take it out or name another with --case."
        )
    length = clip_length or case_file.clip_length or metadata.clip_length
    if length != metadata.clip_length:
        raise UserError(
            f"{chosen.name} works on windows of {metadata.clip_length} frames, not {length}: "
            f"leave --clip-length out or name a model exported for {length}."
        )
    return Request(
        evidence=evidence.resolve(),
        case=folder,
        model=chosen,
        metadata=metadata,
        model_id=known_as,
        case_file=case_file,
        clip_length=length,
        stride=stride or case_file.stride or length,
        workers=workers,
        address=address,
    )
