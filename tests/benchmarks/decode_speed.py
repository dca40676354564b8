"""Decoding to gray 128×128: ours (guard included) against ffmpeg's command line, per core.

Run: python tests/benchmarks/decode_speed.py [FILE ...]. Without files it takes the real footage.

Every way decodes every frame with one thread. Processor seconds of all processes are counted, so
the figures hold on a busy machine; the ways alternate and medians of five runs are shown. The table
decides which decoder leads: see `DecodeRequest.decoder`. Results are kept in bench/decode_speed.json.
"""

from __future__ import annotations

import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.decode.guard import GuardedDecoder
from pipeline.decode.types import Decoded, DecodeRequest
from tests.benchmarks.harness import keep, machine
from tests.footage import fetch_footage

RUNS = 5
FLOOR = 0.8  # of ffmpeg's frames per core second, guard included
TICK = os.sysconf("SC_CLK_TCK")


def spent(decoder: GuardedDecoder) -> float:
    """Processor seconds of this process, its finished children and the decoding child."""
    total = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        used = resource.getrusage(who)
        total += used.ru_utime + used.ru_stime
    assert decoder._child is not None
    fields = Path(f"/proc/{decoder._child.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return total + (int(fields[11]) + int(fields[12])) / TICK


def ffmpeg_frames(path: Path) -> int:
    """Frames ffmpeg writes, one thread for decoder and filters."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-threads", "1", "-filter_threads", "1", "-i", str(path)]
    command += ["-map", "0:v:0", "-vf", "scale=128:128:flags=area,format=gray", "-fps_mode", "passthrough"]
    run = subprocess.run([*command, "-f", "rawvideo", "-"], capture_output=True, check=True)
    return len(run.stdout) // (128 * 128)


def our_frames(decoder: GuardedDecoder, path: Path, request: DecodeRequest) -> int:
    decoded = decoder.decode(path, request)
    assert isinstance(decoded, Decoded), decoded
    return len(decoded.frames)


def main() -> None:
    if shutil.which("ffmpeg") is None:
        print("decode_speed: skipped, there is no ffmpeg command to compare with")
        return
    files = [Path(name) for name in sys.argv[1:]] or sorted(fetch_footage().glob("*.*"))
    files = [path for path in files if path.suffix in (".mp4", ".webm", ".mov", ".mkv", ".avi")]
    rows = []
    with GuardedDecoder() as decoder:
        _ = decoder.in_force
        ways: dict[str, Callable[[Path], int]] = {
            "pyav": lambda p: our_frames(decoder, p, DecodeRequest(fps=None, thumbnails=0)),
            "pyav+portraits": lambda p: our_frames(decoder, p, DecodeRequest(fps=None)),
            "decord": lambda p: our_frames(
                decoder, p, DecodeRequest(fps=None, thumbnails=0, decoder="decord")
            ),
            "ffmpeg": ffmpeg_frames,
        }
        for path in files:
            repeats = max(1, 1500 // max(1, ways["pyav"](path)))
            rates: dict[str, list[float]] = {way: [] for way in ways}
            for _ in range(RUNS):
                for way, decode in ways.items():
                    before = spent(decoder)
                    frames = sum(decode(path) for _ in range(repeats))
                    rates[way].append(frames / (spent(decoder) - before))
            rows.append({"file": path.name, **{way: statistics.median(r) for way, r in rates.items()}})
    report(rows)


def report(rows: list[dict[str, float | str]]) -> None:
    ways = [key for key in rows[0] if key != "file"]
    version = subprocess.run(
        ["ffmpeg", "-version"], capture_output=True, text=True, check=True
    ).stdout.split()[2]
    print(f"frames per core second; {os.cpu_count()} cores, {platform.machine()}, ffmpeg {version}")
    print(f"{'file':28}" + "".join(f"{way:>16}" for way in ways) + f"{'ours/ffmpeg':>14}")
    ratios = []
    for row in rows:
        ratios.append(float(row["pyav+portraits"]) / float(row["ffmpeg"]))
        print(
            f"{row['file']!s:28}" + "".join(f"{float(row[w]):16,.0f}" for w in ways) + f"{ratios[-1]:14.2f}"
        )
    leads = all(float(row["pyav"]) >= float(row["decord"]) for row in rows)
    print(f"leader: {'pyav' if leads else 'differs by file'}; smallest ratio to ffmpeg {min(ratios):.2f}")
    keep("decode_speed", machine(), {"ffmpeg": version, "rows": rows, "least_ratio": min(ratios)})
    assert min(ratios) >= FLOOR, f"decoding is slower than {FLOOR} of ffmpeg's command line"


if __name__ == "__main__":
    main()
