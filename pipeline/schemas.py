"""Every Parquet table of a case, declared once.

A field's metadata carries its ``unit`` and a one-line ``meaning``; the README's schema tables are
generated from them. Times are seconds (float64), frames are int32 counts on the model's frame grid
(25 fps unless the model says otherwise), sizes are bytes, timestamps are UTC.

Columns marked ``volatile`` tell the time, machine or path of the run; the result digest leaves
them out, so two runs over the same evidence have the same digest.
"""

from __future__ import annotations

from typing import Final

import pyarrow as pa

EMBEDDING_SIZE: Final = 256

STATUSES: Final = ("processed", "failed", "skipped", "duplicate")


def _field(
    name: str,
    kind: pa.DataType,
    meaning: str,
    unit: str = "",
    *,
    nullable: bool = False,
    volatile: bool = False,
) -> pa.Field:
    metadata = {"unit": unit, "meaning": meaning, "volatile": "yes" if volatile else "no"}
    return pa.field(name, kind, nullable=nullable, metadata=metadata)


EVIDENCE: Final = pa.schema(
    [
        _field("evidence_id", pa.string(), "SHA-256 of the bytes, hex; null if unreadable", nullable=True),
        _field("path", pa.string(), "path below the evidence folder; `a.zip!/b.mp4` for a member"),
        _field("size", pa.int64(), "size of the file", "bytes"),
        _field(
            "modified",
            pa.timestamp("us", "UTC"),
            "file system's modification time",
            "UTC",
            nullable=True,
            volatile=True,
        ),
        _field("role", pa.string(), "known or questioned"),
        _field("identity", pa.string(), "the known driver; null for a questioned file", nullable=True),
        _field("target", pa.string(), "identity whose face is shown; null when not stated", nullable=True),
        _field("claimed_driver", pa.string(), "who is said to drive a questioned file", nullable=True),
        _field("container", pa.string(), "container format as probed", nullable=True),
        _field("codec", pa.string(), "video codec as probed", nullable=True),
        _field("pixel_format", pa.string(), "pixel format as decoded", nullable=True),
        _field("width", pa.int32(), "width as displayed, after rotation", "pixels", nullable=True),
        _field("height", pa.int32(), "height as displayed, after rotation", "pixels", nullable=True),
        _field("rotation", pa.int32(), "rotation stored in the file and applied", "degrees", nullable=True),
        _field("interlaced", pa.bool_(), "frames are coded as two fields", nullable=True),
        _field("fps", pa.float64(), "average frame rate from presentation timestamps", "1/s", nullable=True),
        _field("vfr", pa.bool_(), "frame rate varies", nullable=True),
        _field("frames_declared", pa.int64(), "frames the container declares", "frames", nullable=True),
        _field("frames_decoded", pa.int32(), "frames really decoded", "frames", nullable=True),
        _field(
            "frames_on_grid",
            pa.int32(),
            "frames after resampling to the model's rate",
            "frames",
            nullable=True,
        ),
        _field(
            "frames_duplicated", pa.int32(), "grid frames that repeat a source frame", "frames", nullable=True
        ),
        _field("frames_dropped", pa.int32(), "source frames no grid frame shows", "frames", nullable=True),
        _field(
            "duration", pa.float64(), "first to last presentation time, plus one frame", "s", nullable=True
        ),
        _field("crop", pa.string(), "crop from case.toml as `x,y,width,height`", "pixels", nullable=True),
        _field("decoder", pa.string(), "decoder that produced the frames", nullable=True),
        _field("decoder_version", pa.string(), "its version", nullable=True),
        _field("rejected_packets", pa.int32(), "packets the decoder refused", "packets", nullable=True),
        _field("n_clips", pa.int32(), "windows cut from the file", "clips"),
        _field("n_usable", pa.int32(), "windows fit for comparison", "clips"),
        _field("status", pa.string(), "processed, failed, skipped or duplicate"),
        _field(
            "reason_code",
            pa.string(),
            "machine-readable reason for any other status than processed, or a caveat",
            nullable=True,
        ),
        _field("reason", pa.string(), "the same in one sentence", nullable=True),
        _field("conflict", pa.string(), "why this file is not compared although it decoded", nullable=True),
    ]
)

SHOTS: Final = pa.schema(
    [
        _field("evidence_id", pa.string(), "the file"),
        _field("shot", pa.int32(), "number of the shot in its file, from 0"),
        _field("start_frame", pa.int32(), "first frame", "frames"),
        _field("end_frame", pa.int32(), "one past the last frame", "frames"),
    ]
)

CLIPS: Final = pa.schema(
    [
        _field("clip_id", pa.string(), "evidence_id-startframe-T"),
        _field("evidence_id", pa.string(), "the file"),
        _field("index", pa.int32(), "number of the window in its file, from 0"),
        _field("shot", pa.int32(), "shot the window lies in"),
        _field("start_frame", pa.int32(), "first frame", "frames"),
        _field("end_frame", pa.int32(), "one past the last real frame", "frames"),
        _field("start_second", pa.float64(), "time of the first frame", "s"),
        _field("end_second", pa.float64(), "time of the end of the last real frame", "s"),
        _field("padded_frames", pa.int32(), "repeats of the last frame at the end", "frames"),
        _field("duplicated_frames", pa.int32(), "frames that repeat the one before on the grid", "frames"),
        _field(
            "motion_energy", pa.float32(), "mean absolute difference of neighbouring frames", "gray levels"
        ),
        _field("flags", pa.list_(pa.string()), "quality flags, see pipeline/clips/quality.py"),
        _field("usable", pa.bool_(), "fit for comparison and calibration"),
    ]
)

EMBEDDINGS: Final = pa.schema(
    [
        _field("clip_id", pa.string(), "the window"),
        _field("evidence_id", pa.string(), "the file"),
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _field("embedding", pa.list_(pa.float32(), EMBEDDING_SIZE), "driver embedding, L2 norm 1"),
    ]
)

VISUALS: Final = pa.schema(
    [
        _field("evidence_id", pa.string(), "the file"),
        _field("clip_id", pa.string(), "the window the picture belongs to"),
        _field(
            "kind",
            pa.string(),
            "`thumbnail` (gray frame), `motion` (mean absolute difference map), `occlusion` (what it does to "
            "the embedding to hold each of 6 × 6 patches still) or `frame` (the first of that window)",
        ),
        _field("second", pa.float64(), "time of the frame, or of the window's start", "s"),
        _field(
            "white",
            pa.float64(),
            "what white stands for: gray levels a frame (`motion`), distance of embeddings (`occlusion`)",
            nullable=True,
        ),
        _field("image", pa.binary(), "PNG, 8-bit gray"),
    ]
)

PAIRS: Final = pa.schema(
    [
        _field("left", pa.string(), "evidence_id"),
        _field("right", pa.string(), "evidence_id"),
        _field("left_identity", pa.string(), "known driver of left", nullable=True),
        _field("right_identity", pa.string(), "known driver of right", nullable=True),
        _field("same_driver", pa.bool_(), "null when unknown", nullable=True),
        _field("same_target", pa.bool_(), "same face shown; null when unknown", nullable=True),
        _field(
            "score",
            pa.float64(),
            "similarity: minus the Euclidean distance of the mean embeddings, 0 is identical",
        ),
        _field("left_clips", pa.int32(), "usable windows behind left", "clips"),
        _field("right_clips", pa.int32(), "usable windows behind right", "clips"),
        _field("protocol", pa.string(), "`known` (both drivers known) or `exploratory`"),
    ]
)

SCORES: Final = pa.schema(
    [
        _field("evidence_id", pa.string(), "the questioned file"),
        _field("identity", pa.string(), "the known driver compared with"),
        _field("score", pa.float64(), "similarity to the mean embedding of the driver's known videos"),
        _field("rank", pa.int32(), "1 is the nearest identity"),
        _field("n_clips", pa.int32(), "usable windows of the questioned file", "clips"),
        _field("n_known", pa.int32(), "known videos of the identity used", "videos"),
        _field("n_known_clips", pa.int32(), "usable windows of those", "clips"),
        _field(
            "llr", pa.float64(), "log10 likelihood ratio, calibrated; null when not reportable", nullable=True
        ),
        _field(
            "llr_low",
            pa.float64(),
            "lower end of its 95 % interval; null where the value and both ends lie at the bound",
            nullable=True,
        ),
        _field("llr_high", pa.float64(), "upper end of the same, null likewise", nullable=True),
        _field(
            "llr_bound",
            pa.float64(),
            "largest absolute llr the calibration data can carry on the side of 0 the score points to; "
            "0: none on that side",
            nullable=True,
        ),
        _field(
            "llr_score",
            pa.float64(),
            "score the ratio was taken from: over the calibration's numbers of clips and known videos",
            nullable=True,
        ),
        _field("llr_note", pa.string(), "calibration used, or why there is no number"),
    ]
)

CALIBRATION: Final = pa.schema(
    [
        _field("n_clips", pa.int32(), "windows of the scored video", "clips"),
        _field("n_known", pa.int32(), "known videos of the identity compared with", "videos"),
        _field("evidence_id", pa.string(), "known file scored as if it were questioned"),
        _field("identity", pa.string(), "the identity compared with, by videos that show the same face"),
        _field("driver", pa.string(), "who drives the scored file"),
        _field("same_driver", pa.bool_(), "driver and identity are one"),
        _field("score", pa.float64(), "similarity, formed as a questioned score"),
        _field("llr", pa.float64(), "its bounded log10 likelihood ratio, calibrated without its two drivers"),
    ]
)

TABLES: Final[dict[str, pa.Schema]] = {
    "evidence": EVIDENCE,
    "shots": SHOTS,
    "clips": CLIPS,
    "embeddings": EMBEDDINGS,
    "visuals": VISUALS,
    "pairs": PAIRS,
    "scores": SCORES,
    "calibration": CALIBRATION,
}

SORT_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "evidence": ("path",),
    "shots": ("evidence_id", "shot"),
    "clips": ("evidence_id", "index"),
    "embeddings": ("clip_id", "model_id"),
    "visuals": ("evidence_id", "clip_id", "kind", "second"),
    "pairs": ("protocol", "left", "right"),
    "scores": ("evidence_id", "rank", "identity"),
    "calibration": ("n_clips", "n_known", "evidence_id", "identity"),
}


def volatile_columns(schema: pa.Schema) -> list[str]:
    """Names of the columns that differ between two runs over the same evidence."""
    return [field.name for field in schema if (field.metadata or {}).get(b"volatile") == b"yes"]
