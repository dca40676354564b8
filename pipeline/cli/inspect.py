"""`driverprint inspect`: what intake and decoding see in one video."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer

from pipeline.cli.exit_codes import Exit
from pipeline.cli.progress import console
from pipeline.clips.manifest import cut_clips
from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeFailure, DecodeRequest
from pipeline.errors import UserError
from pipeline.intake.reading import read_through
from pipeline.intake.sniff import sniff
from pipeline.names import printable

EXAMPLES: Final = """
Examples:

  driverprint inspect seized/anything/else.mkv
      What analyze would find in this file: hash, facts, shots, and which
      windows it could compare.

  driverprint inspect seized/anything/else.mkv --clip-length 32
      The windows of a model of 32 frames; the shipped one has 64.

Exit status: 1 where the file cannot be decoded.
"""


def inspect_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="One video file; no link.")],
    clip_length: Annotated[int, typer.Option(min=2, help="Frames per window.")] = 64,
) -> None:
    """Show what intake and decoding see in one video: facts, shots, windows, flags."""
    if file.is_symlink():
        raise UserError(
            f"{file} is a link, and links are not followed, here as in analyze: name the file it leads to."
        )
    if not file.is_file():
        raise UserError(f"{file} is not a file: name one video.")
    read = read_through(file)
    content = sniff(read.head)
    if content.kind == "archive":
        raise UserError(
            f"{file} is an archive ({content.name}), not one video: give analyze the folder it lies in, "
            "which opens it, or says why not, and lists what it holds."
        )
    evidence_id = read.sha256
    with GuardedDecoder() as decoder:
        outcome = decoder.decode(file.resolve(), DecodeRequest())
    for line in _lines(file, evidence_id, outcome, clip_length):
        print(line)
    if isinstance(outcome, DecodeFailure):
        console.print(f"driverprint: {printable(file.name)}: {outcome.reason}", markup=False)
        raise typer.Exit(Exit.SOME_FAILED)


def _written(value: object) -> str:
    """A fact for people: no digits that only tell how numbers are stored."""
    if value is None:
        return "unknown"
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _lines(file: Path, evidence_id: str, outcome: Decoded | DecodeFailure, clip_length: int) -> Iterator[str]:
    yield f"file               {printable(file.name)}"
    yield f"SHA-256            {evidence_id}"
    for name, value in asdict(outcome.facts).items():
        if value is not None or isinstance(outcome, Decoded):
            yield f"{name:<18} {_written(value)}"
    if outcome.reason_code:
        kind = "caveat" if isinstance(outcome, Decoded) else "failed"
        yield f"{kind:<18} {outcome.reason_code}: {outcome.reason}"
    if isinstance(outcome, DecodeFailure):
        return
    clips = cut_clips(evidence_id, outcome, clip_length, clip_length)
    for shot in clips.shots:
        yield f"shot {shot['shot']:<13} frames {shot['start_frame']} to {shot['end_frame']}"
    for clip in clips.rows:
        flags = ", ".join(clip["flags"]) or "no flags"
        use = "usable" if clip["usable"] else "NOT usable"
        times = f"{clip['start_second']:.2f}-{clip['end_second']:.2f} s"
        yield f"clip {clip['index']:<13} {times}, motion {clip['motion_energy']:.2f}, {use}, {flags}"
