"""`driverprint analyze`: the main job, from a folder of videos to a sealed case with a report."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import pyarrow as pa
import typer

from model.metadata import ModelMetadata
from pipeline import schemas
from pipeline.audit import Audit
from pipeline.case_folder import CaseFolder, clear_work, left_sealed, locked, seal
from pipeline.case_start import prepare_case, start_again
from pipeline.casefile import missing_members
from pipeline.cli.case_record import case_record
from pipeline.cli.exit_codes import Exit
from pipeline.cli.outcome import say_how_it_ended, say_it_is_sealed
from pipeline.cli.progress import console, say, steps
from pipeline.cli.request import Request, plan_of, question_of, read_request
from pipeline.cli.session import ADDRESS, looked_at, session
from pipeline.custody import write_atomically
from pipeline.digest import pieces_digest, result_digest
from pipeline.engine import Engine, EngineOptions, Work
from pipeline.errors import UserError
from pipeline.evidence import evidence_rows
from pipeline.intake.again import Scratch, unpacked_again
from pipeline.intake.changed import Changed, find_changed, mark_changed
from pipeline.intake.conflicts import Conflict, find_conflicts
from pipeline.intake.found import Found
from pipeline.intake.walk import find_evidence
from pipeline.ledger import FileResult, Ledger
from pipeline.likelihood_ratio import add_likelihood_ratios
from pipeline.names import MEMBER
from pipeline.occlusion import MOST_VIDEOS
from pipeline.question import write_question
from pipeline.reseal import settle
from pipeline.run_record import tool_version
from pipeline.score import comparable_videos, score_pairs, score_questioned
from pipeline.tables import from_pieces, from_rows, write_pieces, write_table
from pipeline.worker_facts import guards_of, providers_of
from reports.build import build_report

PICTURES = "visuals"  # the one table that is never whole in memory: 60 kB a video

EXAMPLES = """
Examples:

  driverprint analyze seized/ -o case-17/
      Videos below seized/known/NAME/ are driven by NAME, all others are
      questioned. The same command again continues an interrupted run.

  driverprint analyze seized/ -o case-17/ --model mine.onnx --stride 32
      Another model, and windows that overlap by half.

  driverprint analyze /share/seized/ -o /share/case-17/ --address auto
      The same on the Ray cluster this machine is part of, started with
      Ray's token; every node has the same driverprint and sees /share.
      README, "Several machines", says how.

Exit status:

  0  all files processed          1  finished, some files failed
  2  unusable input or arguments  3  interrupted, can be continued
"""


def analyze(request: Request, *, fresh: bool, rehash: bool = False) -> Exit:
    """The main job, top to bottom. Everything it learns ends as a row in the case."""
    started = datetime.now(UTC), time.monotonic()
    case = request.case
    with locked(case):
        settle(case)
        if case.is_sealed() and not fresh:
            return say_it_is_sealed(request)
        plan = plan_of(request)
        continued = prepare_case(case, plan, fresh=fresh)
        # The log of a fresh start is written aside until there is something to put in the old case's place.
        with left_sealed(case), Audit(case.work if fresh else case.root, tool_version()) as audit:
            try:
                found = _take_in(request, audit)
            except UserError:
                if not (continued or fresh):
                    clear_work(case)  # nothing was begun that the corrected command could continue
                raise
            if fresh:
                start_again(case, plan)
            conflicts = find_conflicts(found)
            ledger = Ledger(case.shards, {key: item.crop for key, item in _wanted(found).items()})
            processed = _process(request, found, ledger, audit, continued=continued)
            changed = _changed(request, found, rehash=rehash)
            tables = _tables(found, conflicts, changed, ledger, request.metadata)
            for name, table in tables.items():
                write_table(case.root, name, table)
            write_pieces(case.root, PICTURES, ledger.rows(PICTURES))
            record = case_record(request, started, tables, conflicts, processed)
            record |= {"evidence_rehashed": rehash, "changed": [asdict(change) for change in changed]}
            pictures = pieces_digest(PICTURES, ledger.rows(PICTURES))
            record["result_digest"] = result_digest(tables, {PICTURES: pictures})
            write_question(case.root, question_of(request))
            text = json.dumps(record, indent=1, ensure_ascii=False)
            write_atomically(case.record, text.encode(errors="backslashreplace"))
            build_report(case.root)
            audit.note("sealing", result_digest=record["result_digest"], counts=record["counts"])
        seal(case)
    return say_how_it_ended(case, record, tables["evidence"])


def _take_in(request: Request, audit: Audit) -> list[Found]:
    found = []
    scratch = Scratch(request.case.members)
    with steps("Taking in") as stage:
        case = request.case
        for item in find_evidence(
            request.evidence, request.case_file, case.members, case.root, stage.reading
        ):
            found.append(scratch.keep(item))
            stage.step()
            if item.status == "failed":
                audit.note("file_failed", path=item.path, reason_code=item.reason_code, reason=item.reason)
    audit.note("taken_in", files=len(found), videos=sum(item.status is None for item in found))
    for path in missing_members(request.case_file, {item.path for item in found}):
        say(f"{request.case_file.source} speaks of {path}, which is not among the files found.")
    if not found:
        raise UserError(f"{request.evidence} is empty: name a folder that holds videos.")
    if not any(item.status is None for item in found):
        raise UserError(
            f"{request.evidence} holds no video that can be analysed ({len(found)} files looked at; "
            f"{found[0].path}: {found[0].reason}): name a folder that holds videos."
        )
    return found


def _process(
    request: Request, found: Sequence[Found], ledger: Ledger, audit: Audit, *, continued: bool
) -> dict[str, Any]:
    """Decode and embed every file that has no shard yet; what the record says of how that was done."""
    occluded = _occluded(found)
    done = ledger.done() - (_tested_otherwise(ledger, occluded) if continued else set())
    wanted = _wanted(found)
    open_files = [item for key, item in wanted.items() if key not in done]
    if continued:
        console.print(
            f"Continuing: {len(wanted) - len(open_files)} of {len(wanted)} files were already done."
        )
    for key in set(wanted) & done:
        _forget(wanted[key], request.case)
    audit.note("processing", continued=continued, done=len(wanted) - len(open_files), open=len(open_files))
    files = looked_at([item.local for item in open_files if item.local is not None])
    with session(request.address, request.workers, [request.model], request.case.work, files) as place:
        engine = Engine(
            EngineOptions(
                model=request.model,
                model_id=request.model_id,
                clip_length=request.clip_length,
                stride=request.stride,
                fps=request.metadata.fps,
                provider=place.provider,
                workers=place.workers,
            )
        )
        with steps("Decoding and embedding") as stage:
            stage.expect(len(open_files))

            def commit(result: FileResult) -> None:
                item = wanted[result.evidence_id]
                ledger.commit(result, for_good=_is_as_taken_in(item, request.evidence))
                stage.step()
                _forget(item, request.case)
                if result.facts["status"] == "failed":
                    why = {name: result.facts[name] for name in ("reason_code", "reason")}
                    audit.note("file_failed", path=item.path, **why)

            engine.run(_works(request, found, open_files, occluded), commit)
        cluster = place.record(engine.nodes_lost)
    audit.note(
        "processed",
        files=len(open_files),
        provider=providers_of(engine.workers),
        nodes_lost=engine.nodes_lost,
    )
    workers = ledger.workers() or engine.workers  # those of earlier sessions, perhaps elsewhere, among them
    return {"provider": providers_of(workers), "guards": guards_of(workers), "cluster": cluster}


def _changed(request: Request, found: Sequence[Found], *, rehash: bool) -> list[Changed]:
    """What is not as it was taken in; reading everything a second time may take as long as the first."""
    _be_there(request.evidence)
    if not rehash:
        return find_changed(found, request.evidence, rehash=False)
    with steps("Hashing again") as stage:
        changed = find_changed(found, request.evidence, rehash=True, tell=stage.reading)
        stage.step(sum(item.evidence_id is not None and MEMBER not in item.path for item in found))
        return changed


def _is_as_taken_in(item: Found, evidence: Path) -> bool:
    """Whether a file was not written to or removed since it was hashed. Raises UserError as `_be_there`."""
    changed = find_changed([item], evidence, rehash=False)
    if changed:
        _be_there(evidence)
    return not changed


def _be_there(evidence: Path) -> None:
    """Raise UserError when the folder itself is gone, as when a disk is unplugged: no fault of its files."""
    if not evidence.is_dir() or not any(evidence.iterdir()):
        raise UserError(
            f"{evidence} is gone or empty since the run began: bring back the disk or share it lies on and "
            "run the same command again, what is done is kept."
        )


def _wanted(found: Sequence[Found]) -> dict[str, Found]:
    """The files to decode and embed, by evidence_id."""
    return {item.evidence_id: item for item in found if item.status is None and item.evidence_id}


def _works(
    request: Request, found: Sequence[Found], files: Sequence[Found], occluded: set[str]
) -> Iterator[Work]:
    """What to process: all that can be read where it lies, then the members that scratch did not keep."""
    there = (item for item in files if item.local is not None)
    not_kept = [item for item in files if item.local is None]
    again = unpacked_again(not_kept, found, request.case_file, request.case.members)
    for item in chain(there, again):
        assert item.evidence_id is not None and item.local is not None
        yield Work(item.evidence_id, item.local, item.crop, item.evidence_id in occluded)


def _occluded(found: Sequence[Found]) -> set[str]:
    """The videos whose embedding is tested patch by patch: those questioned, unless they are very many."""
    asked = [item for item in found if item.status is None and item.role == "questioned"]
    questioned = {str(item.evidence_id) for item in asked}
    return questioned if len(questioned) <= MOST_VIDEOS else set()


def _tested_otherwise(ledger: Ledger, occluded: set[str]) -> set[str]:
    """Finished files that are now to be tested and were not, or the reverse: roles may change in between."""
    tested: set[str] = set()
    for table in ledger.rows("visuals"):
        rows = table.select(["evidence_id", "kind"]).to_pylist()
        tested |= {row["evidence_id"] for row in rows if row["kind"] == "occlusion"}
    usable = {key for key, facts in ledger.facts().items() if facts["n_usable"]}
    return usable & (tested ^ occluded)


def _forget(item: Found, case: CaseFolder) -> None:
    """Remove a member's unpacked copy, if there is one, once its results are committed."""
    (case.members / str(item.evidence_id)).unlink(missing_ok=True)


def _tables(
    found: Sequence[Found],
    conflicts: Sequence[Conflict],
    changed: Sequence[Changed],
    ledger: Ledger,
    model: ModelMetadata,
) -> dict[str, pa.Table]:
    evidence = from_rows("evidence", mark_changed(evidence_rows(found, ledger.facts(), conflicts), changed))
    tables = {"evidence": evidence}
    for name in ("shots", "clips", "embeddings"):
        tables[name] = from_pieces(name, ledger.rows(name))
    videos = comparable_videos(evidence, tables["clips"], tables["embeddings"])
    tables["pairs"] = from_rows("pairs", score_pairs(videos))
    scores, calibration = add_likelihood_ratios(
        score_questioned(videos), videos, model.validated_for, model.calibration
    )
    tables |= {"scores": from_rows("scores", scores), "calibration": from_rows("calibration", calibration)}
    assert {*tables, PICTURES} == set(schemas.TABLES)
    return tables


def analyze_command(
    evidence: Annotated[Path, typer.Argument(help="Folder of videos and archives to analyse.")],
    out: Annotated[Path, typer.Option("-o", "--out", metavar="CASE", help="Case folder to write.")],
    model: Annotated[
        Path | None, typer.Option(help="Another model file (ONNX, from driverprint export).")
    ] = None,
    case: Annotated[Path | None, typer.Option(help="Case file; default is case.toml in the folder.")] = None,
    clip_length: Annotated[int | None, typer.Option(help="Frames per window; must be the model's.")] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="Frames between windows; default one window.")
    ] = None,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Parallel workers; default one per core.")
    ] = None,
    address: Annotated[str | None, ADDRESS] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh/--resume", help="Start again instead of continuing.")
    ] = False,
    rehash: Annotated[
        bool, typer.Option("--rehash", help="Hash all evidence again before the case is sealed.")
    ] = False,
) -> None:
    """Analyse a folder of talking-head videos: who drives each avatar?"""
    request = read_request(evidence, out, model, case, clip_length, stride, workers, address)
    raise typer.Exit(analyze(request, fresh=fresh, rehash=rehash))
