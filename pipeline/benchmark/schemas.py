"""The tables of a benchmark run, declared once; the metadata are as in ``pipeline.schemas``."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from pipeline.schemas import EMBEDDING_SIZE


def _field(name: str, kind: pa.DataType, meaning: str, unit: str = "", *, nullable: bool = False) -> pa.Field:
    return pa.field(name, kind, nullable=nullable, metadata={"unit": unit, "meaning": meaning})


VIDEOS: Final = pa.schema(
    [
        _field("path", pa.string(), "path below the dataset's root"),
        _field("status", pa.string(), "processed or failed"),
        _field("reason_code", pa.string(), "why it failed, or a caveat", nullable=True),
        _field("reason", pa.string(), "the same in one sentence", nullable=True),
        _field(
            "frames",
            pa.int32(),
            "frames of the video; counted by their packets where not all were decoded",
            "frames",
        ),
        _field("frames_decoded", pa.int32(), "of these, frames really decoded", "frames", nullable=True),
        _field("fps", pa.float64(), "average frame rate", "1/s", nullable=True),
    ]
)

EMBEDDINGS: Final = pa.schema(
    [
        _field("path", pa.string(), "the video"),
        _field("start_frame", pa.int32(), "first frame of the clip", "frames"),
        _field("padded_frames", pa.int32(), "repeats of the last frame at the end", "frames"),
        _field("centre", pa.bool_(), "the centre clip, which the paper's protocol uses"),
        _field("window", pa.bool_(), "one of the consecutive windows of the multi-clip protocol"),
        _field("embedding", pa.list_(pa.float32(), EMBEDDING_SIZE), "driver embedding, L2 norm 1"),
    ]
)

_ALTERATION: Final = _field("alteration", pa.string(), "key of pipeline/benchmark/alterations.py")

ALTERED_VIDEOS: Final = pa.schema(
    [
        VIDEOS.field("path"),
        _field("alteration", pa.string(), "null where the video itself could not be decoded", nullable=True),
        VIDEOS.field("status"),
        VIDEOS.field("reason_code"),
        VIDEOS.field("reason"),
        _field("unchanged", pa.bool_(), "the alteration left every frame as it was"),
    ]
)

ALTERED_EMBEDDINGS: Final = pa.schema(
    [
        EMBEDDINGS.field("path"),
        _ALTERATION,
        EMBEDDINGS.field("start_frame"),
        EMBEDDINGS.field("padded_frames"),
        EMBEDDINGS.field("embedding"),
    ]
)

RESULTS: Final = pa.schema(
    [
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _field("protocol", pa.string(), "`paper`, `single-source` or `multi-clip`"),
        _field("subset", pa.string(), "`pooled`, `mean of generators`, or one generator"),
        _field("originals", pa.bool_(), "real recordings count as self-reenactments"),
        _field("auc", pa.float64(), "unweighted mean over targets of the AUC", nullable=True),
        _field("low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        _field("high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        _field("jackknife_low", pa.float64(), "the same by the identity jackknife", nullable=True),
        _field("jackknife_high", pa.float64(), "the same by the identity jackknife", nullable=True),
        _field("eer", pa.float64(), "equal error rate over all pairs of all targets", nullable=True),
        _field("n_targets", pa.int32(), "targets measured", "identities"),
        _field("n_left_out", pa.int32(), "targets left out", "identities"),
        _field("n_positives", pa.int64(), "self × self pairs", "pairs"),
        _field("n_negatives", pa.int64(), "self × cross pairs", "pairs"),
    ]
)

TARGETS: Final = pa.schema(
    [
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _field("protocol", pa.string(), "as in results"),
        _field("subset", pa.string(), "as in results; the mean of generators has no rows"),
        _field("originals", pa.bool_(), "as in results"),
        _field("target", pa.string(), "the identity shown"),
        _field("auc", pa.float64(), "null when left out", nullable=True),
        _field("n_self", pa.int32(), "self-reenactments", "videos", nullable=True),
        _field("n_cross", pa.int32(), "cross-reenactments", "videos", nullable=True),
        _field("left_out", pa.string(), "why the target is not measured", nullable=True),
    ]
)

CURVES: Final = pa.schema(
    [
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _field("threshold", pa.float64(), "pairs scoring at least this are accepted"),
        _field("fmr", pa.float64(), "false match rate: accepted share of different-driver pairs"),
        _field("fnmr", pa.float64(), "false non-match rate: rejected share of same-driver pairs"),
        _field("false_matches", pa.int64(), "count behind fmr", "pairs"),
        _field("false_non_matches", pa.int64(), "count behind fnmr", "pairs"),
    ]
)

PAIR_FILES: Final = pa.schema(
    [
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _field("pair_file", pa.string(), "the dataset's list of pairs"),
        _field("auc", pa.float64(), "over all pairs of the file", nullable=True),
        _field("auc_low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        _field("auc_high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        _field("eer", pa.float64(), "equal error rate", nullable=True),
        _field("eer_low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        _field("eer_high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        _field("n_same", pa.int64(), "pairs of one driver", "pairs"),
        _field("n_different", pa.int64(), "pairs of two drivers", "pairs"),
        _field(
            "n_left_out",
            pa.int64(),
            "pairs of an absent or failed video, or listed wrongly or twice",
            "pairs",
        ),
    ]
)

ROBUSTNESS: Final = pa.schema(
    [
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _ALTERATION,
        _field("family", pa.string(), "what is altered; a family's rows stand in rising strength"),
        _field(
            "compared", pa.string(), "`both`: both videos of a pair altered; `one`: clean against altered"
        ),
        _field("subset", pa.string(), "as in results"),
        _field("auc", pa.float64(), "paper protocol on the altered videos", nullable=True),
        _field("low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        _field("high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        _field("clean", pa.float64(), "AUC of the same videos unaltered", nullable=True),
        _field("difference", pa.float64(), "auc minus clean", nullable=True),
        _field("difference_low", pa.float64(), "lower end of its 95 % interval, paired", nullable=True),
        _field("difference_high", pa.float64(), "upper end of its 95 % interval, paired", nullable=True),
        _field("n_targets", pa.int32(), "targets measured", "identities"),
        _field("n_videos", pa.int32(), "videos compared", "videos"),
        _field("n_unchanged", pa.int32(), "of them, those the alteration left as they were", "videos"),
        _field("n_failed", pa.int32(), "videos of the sample without an embedding", "videos"),
    ]
)

SUBGROUPS: Final = pa.schema(
    [
        _field("model_id", pa.string(), "SHA-256 of the ONNX file"),
        _field("attribute", pa.string(), "column the groups come from"),
        _field("group", pa.string(), "its value; both videos of a pair carry it"),
        _field("auc", pa.float64(), "paper protocol, generators pooled", nullable=True),
        _field("low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        _field("high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        _field("rest", pa.float64(), "AUC of the videos with another value", nullable=True),
        _field("gap", pa.float64(), "auc minus rest", nullable=True),
        _field("gap_low", pa.float64(), "lower end of its 95 % interval, paired", nullable=True),
        _field("gap_high", pa.float64(), "upper end of its 95 % interval, paired", nullable=True),
        _field("n_targets", pa.int32(), "targets measured", "identities"),
        _field("n_videos", pa.int32(), "videos of the group", "videos"),
        _field("n_positives", pa.int64(), "self × self pairs", "pairs"),
        _field("n_negatives", pa.int64(), "self × cross pairs", "pairs"),
    ]
)

RESULT_TABLES: Final[dict[str, pa.Schema]] = {
    "results": RESULTS,
    "targets": TARGETS,
    "curves": CURVES,
    "pair_files": PAIR_FILES,
    "robustness": ROBUSTNESS,
    "subgroups": SUBGROUPS,
}
