"""Case folders for the report tests: real Parquet files, written as the pipeline's contract says.

Embeddings are drawn around a direction per driver, so the scores, pairs and AUC in the tables are
computed from them here, by formulas of this file's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.likelihood_ratio import add_likelihood_ratios
from pipeline.schemas import EMBEDDING_SIZE, TABLES
from pipeline.score import comparable_videos, score_questioned

T, FPS = 64, 25


@dataclass
class VideoSpec:
    """One file to put into a case."""

    path: str
    role: str = "questioned"
    identity: str | None = None
    target: str | None = None
    claimed_driver: str | None = None
    driver: str = "nobody"
    status: str = "processed"
    reason_code: str | None = None
    reason: str | None = None
    conflict: str | None = None
    clips: int = 5
    frozen: int = 0
    faceless: int = 0
    content: str | None = None
    codec: str = "h264"
    size: tuple[int, int] = (1280, 720)


@dataclass
class CaseBuilder:
    """Collects videos and writes a case folder."""

    videos: list[VideoSpec] = field(default_factory=list)
    spread: float = 0.6
    seed: int = 3
    exploratory: bool = False
    pictures: bool = True
    run: dict[str, Any] = field(default_factory=dict)

    def known(self, identity: str, n: int, target: str | None = None, **more: Any) -> CaseBuilder:
        for i in range(n):
            folder = f"known/{identity}" + (f"/{target}" if target else "")
            name = f"{folder}/{identity}-{target or 'self'}-{i + 1:02d}.mp4"
            spec = VideoSpec(name, "known", identity, target, driver=identity)
            self.videos.append(VideoSpec(**{**vars(spec), **more}))
        return self

    def questioned(self, path: str, driver: str, **more: Any) -> CaseBuilder:
        self.videos.append(VideoSpec(**{**vars(VideoSpec(path, driver=driver)), **more}))
        return self

    def write(self, folder: Path) -> Path:
        """Writes every table and run.json; returns ``folder``."""
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(self.seed)
        drivers = sorted({v.driver for v in self.videos})
        centre = {d: _unit(rng.normal(size=EMBEDDING_SIZE)) for d in drivers}
        tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        means: dict[str, np.ndarray] = {}
        for spec in sorted(self.videos, key=lambda v: v.path):
            self._video(spec, centre[spec.driver], rng, tables, means)
        self._compare(tables, means)
        _write(folder, tables)
        self._run(folder, tables)
        return folder

    def _video(
        self, spec: VideoSpec, centre: np.ndarray, rng: np.random.Generator, tables: Any, means: Any
    ) -> None:
        decoded = spec.status == "processed"
        key = hashlib.sha256((spec.content or spec.path).encode()).hexdigest()
        n, frames = (spec.clips if decoded else 0), spec.clips * T
        tables["evidence"].append(
            {
                "evidence_id": None if spec.reason_code == "unreadable" else key,
                "path": spec.path,
                "size": 1_000_000 + 1234 * len(tables["evidence"]),
                "modified": None,
                "role": spec.role,
                "identity": spec.identity,
                "target": spec.target,
                "claimed_driver": spec.claimed_driver,
                "container": "mov,mp4" if decoded else None,
                "codec": spec.codec if decoded else None,
                "pixel_format": "yuv420p" if decoded else None,
                "width": spec.size[0] if decoded else None,
                "height": spec.size[1] if decoded else None,
                "rotation": 0 if decoded else None,
                "interlaced": False if decoded else None,
                "fps": 29.97 if decoded else None,
                "vfr": False if decoded else None,
                "frames_declared": frames if decoded else None,
                "frames_decoded": frames if decoded else None,
                "frames_on_grid": frames if decoded else None,
                "frames_duplicated": 0 if decoded else None,
                "frames_dropped": 3 if decoded else None,
                "duration": frames / FPS if decoded else None,
                "crop": None,
                "decoder": "pyav" if decoded else None,
                "decoder_version": "18.1.0" if decoded else None,
                "rejected_packets": 0 if decoded else None,
                "n_clips": n,
                "n_usable": n - spec.frozen if decoded else 0,
                "status": spec.status,
                "reason_code": spec.reason_code,
                "reason": spec.reason,
                "conflict": spec.conflict,
            }
        )
        if not decoded:
            return
        video_centre = _unit(centre + self.spread * _unit(rng.normal(size=EMBEDDING_SIZE)))
        vectors = []
        cut = max(1, n // 2) * T
        for shot, (start, end) in enumerate(((0, cut), (cut, frames))):
            if end > start:
                tables["shots"].append(
                    {"evidence_id": key, "shot": shot, "start_frame": start, "end_frame": end}
                )
        for i in range(n):
            usable = i >= spec.frozen
            clip = f"{key}-{i * T:08d}-{T}"
            tables["clips"].append(
                {
                    "clip_id": clip,
                    "evidence_id": key,
                    "index": i,
                    "shot": int(i * T >= cut),
                    "start_frame": i * T,
                    "end_frame": (i + 1) * T,
                    "start_second": i * T / FPS,
                    "end_second": (i + 1) * T / FPS,
                    "padded_frames": 0,
                    "duplicated_frames": 0,
                    "motion_energy": 1.5 + i if usable else 0.0,
                    "flags": ([] if usable else ["frozen"]) + ["face_absent"] * (i < spec.faceless),
                    "usable": usable,
                }
            )
            vector = _unit(video_centre + 0.5 * _unit(rng.normal(size=EMBEDDING_SIZE))).astype(np.float32)
            tables["embeddings"].append(
                {"clip_id": clip, "evidence_id": key, "model_id": "ab" * 32, "embedding": vector.tolist()}
            )
            if usable:
                vectors.append(vector.astype(np.float64))
            if self.pictures:
                second = (i + 0.5) * T / FPS
                tables["visuals"].append(_picture(key, clip, "thumbnail", second, _head(rng, (90, 160))))
        if self.pictures and n:
            tables["visuals"].append(_picture(key, clip, "motion", 0.0, _head(rng, (128, 128)), 11.5))
            if spec.role == "questioned":
                tables["visuals"].append(_picture(key, clip, "frame", 0.0, _head(rng, (128, 128))))
                tables["visuals"].append(_picture(key, clip, "occlusion", 0.0, _patches(rng), 0.23))
        if vectors and not spec.conflict:
            means[key] = _unit(np.mean(vectors, axis=0))

    def _compare(self, tables: Any, means: dict[str, np.ndarray]) -> None:
        rows = {
            r["evidence_id"]: r
            for r in tables["evidence"]
            if r["evidence_id"] in means and r["status"] == "processed"
        }
        members = [k for k, r in rows.items() if self.exploratory or r["role"] == "known"]
        for left, right in combinations(sorted(members), 2):
            a, b = rows[left], rows[right]
            tables["pairs"].append(
                {
                    "left": left,
                    "right": right,
                    "left_identity": a["identity"],
                    "right_identity": b["identity"],
                    "same_driver": None if self.exploratory else a["identity"] == b["identity"],
                    "same_target": None if None in (a["target"], b["target"]) else a["target"] == b["target"],
                    "score": -float(np.linalg.norm(means[left] - means[right])),
                    "left_clips": a["n_usable"],
                    "right_clips": b["n_usable"],
                    "protocol": "exploratory" if self.exploratory else "known",
                }
            )
        identities: dict[str, list[str]] = {}
        for key in members if not self.exploratory else []:
            identities.setdefault(rows[key]["identity"], []).append(key)
        for key, row in rows.items():
            if row["role"] != "questioned" or self.exploratory:
                continue
            scored = {
                name: -float(np.linalg.norm(means[key] - _unit(np.mean([means[m] for m in videos], axis=0))))
                for name, videos in identities.items()
            }
            for rank, name in enumerate(sorted(scored, key=lambda x: -scored[x]), start=1):
                tables["scores"].append(
                    {
                        "evidence_id": key,
                        "identity": name,
                        "score": scored[name],
                        "rank": rank,
                        "n_clips": row["n_usable"],
                        "n_known": len(identities[name]),
                        "n_known_clips": sum(rows[m]["n_usable"] for m in identities[name]),
                        "llr": None,
                        "llr_low": None,
                        "llr_high": None,
                        "llr_bound": None,
                        "llr_note": "not reportable: no calibration data stand behind this score",
                    }
                )

    def _run(self, folder: Path, tables: Any) -> None:
        statuses = [r["status"] for r in tables["evidence"]]
        known = {
            r["identity"] for r in tables["evidence"] if r["role"] == "known" and r["status"] == "processed"
        }
        run = {
            "tool": {"name": "driverprint", "version": "0.1.0"},
            "command": ["driverprint", "analyze", "evidence", "-o", "case"],
            "started": "2026-11-21T09:30:00+00:00",
            "finished": "2026-11-21T09:41:12+00:00",
            "duration_seconds": 672.4,
            "case": {
                "number": "K-2026/117",
                "examiner": "A. Examiner",
                "title": "Recorded interview, three calls",
                "propositions": {"same": None, "different": None},
            },
            "options": {"clip_length": T, "stride": T, "fps": FPS},
            "model": {
                "model_id": "ab" * 32,
                "file": "f5c_feat_diff_t64.onnx",
                "model_name": "F5C",
                "backbone": "F5C",
                "condition": "FEAT_DIFF",
                "clip_length": T,
                "fps": FPS,
                "embedding_size": 256,
                "corpus": None,
                "validated_for": "nothing (untrained)",
                "parity_max_difference": 2.1e-7,
                "validation": {},
                "calibration": None,
            },
            "provider": "CPUExecutionProvider",
            "guards": {"memory": "2 GiB a decoder", "wall clock": "10 minutes a file"},
            "machine": {"system": "Linux", "cores": 2},
            "packages": {"ray": "2.60.0", "numpy": "2.4.6"},
            "counts": {
                "found": len(statuses),
                **{s: statuses.count(s) for s in ("processed", "failed", "skipped", "duplicate")},
                "clips": len(tables["clips"]),
                "usable_clips": sum(c["usable"] for c in tables["clips"]),
                "identities": len(known),
                "questioned": sum(
                    r["role"] == "questioned" and r["status"] == "processed" for r in tables["evidence"]
                ),
            },
            "not_searched": [
                {"path": r["path"], "reason": r["reason"] or r["reason_code"]}
                for r in tables["evidence"]
                if r["status"] == "skipped"
            ],
            "conflicts": [],
            "mode": "exploratory" if self.exploratory else "identities",
            "result_digest": hashlib.sha256(b"digest").hexdigest(),
        }
        (folder / "run.json").write_text(
            json.dumps({**run, **self.run}, ensure_ascii=False), encoding="utf-8"
        )


def _write(folder: Path, tables: dict[str, list[dict[str, Any]]]) -> None:
    for name in ("evidence", "shots", "pairs", "scores"):
        pq.write_table(pa.Table.from_pylist(tables[name], TABLES[name]), folder / f"{name}.parquet")
    for name in ("clips", "embeddings", "visuals"):
        (folder / name).mkdir(exist_ok=True)
        for key in dict.fromkeys(r["evidence_id"] for r in tables[name]):
            rows = [r for r in tables[name] if r["evidence_id"] == key]
            pq.write_table(pa.Table.from_pylist(rows, TABLES[name]), folder / name / f"{key}.parquet")


def _unit(vector: Any) -> np.ndarray:
    return np.asarray(vector / np.linalg.norm(vector))


def _head(rng: np.random.Generator, shape: Sequence[int]) -> bytes:
    """A gray blob where a head would be, as PNG."""
    y, x = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
    turn = rng.normal(0, 0.08)
    aspect = shape[1] / shape[0]
    head = np.exp(-((((x - turn) * aspect / 0.55) ** 2 + (y / 0.75) ** 2) ** 3))
    image = (
        0.15 + 0.6 * head - 0.3 * np.exp(-((np.abs(x - turn) * aspect - 0.2) ** 2 + (y + 0.1) ** 2) / 0.008)
    )
    done, png = cv2.imencode(".png", (255 * np.clip(image, 0, 1)).astype(np.uint8))
    assert done
    return png.tobytes()


def _patches(rng: np.random.Generator) -> bytes:
    """Effects by patch, the largest white, as PNG."""
    effects = rng.uniform(0, 0.4, (6, 6))
    effects[2:5, 2:4] += 0.5
    done, png = cv2.imencode(".png", np.rint(255 * effects / effects.max()).astype(np.uint8))
    assert done
    return png.tobytes()


def _picture(
    key: str, clip: str, kind: str, second: float, image: bytes, white: float | None = None
) -> dict[str, Any]:
    return {
        "evidence_id": key, "clip_id": clip, "kind": kind, "second": second, "white": white, "image": image
    }  # fmt: skip


def plain_case() -> CaseBuilder:
    """Six identities with their own faces and each other's, five questioned files, a few failures."""
    case = CaseBuilder(spread=3.0)
    people = ["Amara", "Boris", "Chiara", "Dinesh", "Elif", "Farid"]
    for i, person in enumerate(people):
        case.known(person, 5, target=person, frozen=int(i == 0))
        case.known(people[(i + 1) % 6], 2, target=person)
    case.questioned("questioned/call-01.mp4", "Amara", claimed_driver="Amara", clips=9, frozen=2)
    case.questioned("questioned/call-02.mp4", "Boris", claimed_driver="Chiara", clips=1)
    case.questioned("questioned/call-03.mkv", "stranger", claimed_driver="Grace", codec="vp9")
    case.questioned("questioned/still.mp4", "Boris", clips=2, frozen=2)
    case.questioned(
        "questioned/cut.mp4",
        "Boris",
        status="failed",
        reason_code="no_frames",
        reason="the video stream gave no frame",
    )
    case.questioned(
        "questioned/copy.mp4",
        "Amara",
        status="duplicate",
        content="questioned/call-01.mp4",
        reason_code="duplicate",
        reason="the same bytes were found before, in another place",
    )
    case.questioned(
        "notes.txt",
        "nobody",
        status="skipped",
        reason_code="not_video",
        reason="the content is not a video container this tool knows",
    )
    return case


def exploratory_case(groups: int = 3, each: int = 4) -> CaseBuilder:
    """No known drivers: ``groups`` drivers with ``each`` videos."""
    case = CaseBuilder(exploratory=True, spread=0.7)
    for g in range(groups):
        for i in range(each):
            case.questioned(f"batch-{i}/clip-{g}.mp4", f"driver-{g}", clips=4)
    return case


def calibrated_case(
    folder: Path, validated_for: str = "simulation only", other_faces: Sequence[str] = ()
) -> Path:
    """Six drivers behind one face, with likelihood ratios as the analysis computes them.

    The people of ``other_faces`` also drive another face in one known video.
    """
    case = CaseBuilder(spread=3.0)
    for person in ("Amara", "Boris", "Chiara", "Dinesh", "Elif", "Farid"):
        case.known(person, 6, target="stock avatar")
    for person in other_faces:
        case.known(person, 1, target="third avatar")
    case.questioned("q/a.mp4", "Amara", target="stock avatar")
    case.questioned("q/b.mp4", "stranger", target="stock avatar", clips=9, claimed_driver="Chiara")
    case.questioned("q/c.mp4", "Boris", target="another avatar", claimed_driver="Boris")
    case.write(folder)
    evidence = pq.read_table(folder / "evidence.parquet")
    shards = {n: pq.read_table(folder / n, schema=TABLES[n]) for n in ("clips", "embeddings")}
    videos = comparable_videos(evidence, shards["clips"], shards["embeddings"])
    scores, calibration = add_likelihood_ratios(score_questioned(videos), videos, validated_for, None)
    for name, rows in (("scores", scores), ("calibration", calibration)):
        pq.write_table(pa.Table.from_pylist(rows, TABLES[name]), folder / f"{name}.parquet")
    record = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    record["model"]["validated_for"] = validated_for
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder
