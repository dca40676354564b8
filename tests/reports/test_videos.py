"""The section of one video."""

from __future__ import annotations

import base64
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from model.similarity import unit_mean
from reports.build import build_report, report_figures
from reports.case import load_case
from reports.known_scores import known_scores
from reports.videos import Identities, _spans, frames_per_video, video
from tests.reports.case_folder import CaseBuilder, VideoSpec
from tests.reports.conftest import Built, build


def test_spans_lie_where_their_clips_lie(plain: Built) -> None:
    case = load_case(plain.folder)
    exhibit = next(e for e in case.exhibits if e.path.endswith("call-01.mp4"))
    found = video(case, exhibit, Identities(case), 5)
    clips = case.clips[exhibit.key]
    for span, clip in zip(found.spans, clips, strict=True):
        assert span.x / 100 * found.duration == pytest.approx(clip["start_second"])
        assert (span.x + span.width) / 100 * found.duration == pytest.approx(clip["end_second"])
        assert span.usable == clip["usable"]
    assert [flags for *_, flags in found.unusable] == [("frozen",)] * 2
    assert len(found.frames) == 5


def test_clip_scores_are_distances_to_the_nearest_identity(plain: Built) -> None:
    case = load_case(plain.folder)
    exhibit = next(e for e in case.exhibits if e.path.endswith("call-01.mp4"))
    found = video(case, exhibit, Identities(case), 0)
    known = [e for e in case.exhibits if e.row["identity"] == found.nearest]
    template = unit_mean(np.stack([unit_mean(case.usable_embeddings(e.key)) for e in known]))
    embedded = case.clip_embeddings(exhibit.key)
    for span, clip in zip(found.spans, case.clips[exhibit.key], strict=True):
        if clip["usable"]:
            assert span.score == pytest.approx(
                -np.linalg.norm(embedded[clip["clip_id"]] - template), abs=1e-6
            )
        else:
            assert span.score is None


def test_overlapping_clips_lie_in_lanes_of_their_own(fresh: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    CaseBuilder(pictures=False).questioned("q.mp4", "x", clips=6).write(fresh)
    (shard,) = (fresh / "clips").glob("*.parquet")
    rows = pq.read_table(shard).to_pylist()
    for i, row in enumerate(rows):  # half a clip apart
        row |= {"start_second": i * 1.28, "end_second": i * 1.28 + 2.56}
    pq.write_table(pa.Table.from_pylist(rows, pq.read_schema(shard)), shard)
    case = load_case(fresh)
    found = video(case, case.exhibits[0], Identities(case), 0)
    assert [s.lane for s in found.spans] == [0, 1, 0, 1, 0, 1]


def test_long_video_is_drawn_in_few_pieces_and_counted_in_full(fresh: Path) -> None:
    built = build(CaseBuilder(pictures=False).questioned("q.mp4", "x", clips=1000, frozen=7), fresh)
    (section,) = built.figures["videos"]
    assert len(section["spans"]) == 1000
    assert 300 < len(section["drawn"]) <= 400
    assert section["drawn"][-1]["x"] + section["drawn"][-1]["width"] == pytest.approx(100)
    assert [piece["usable"] for piece in section["drawn"][:4]] == [False, False, False, True]
    assert "993 of 1000" in built.text
    assert built.path.stat().st_size < 400_000


@pytest.mark.parametrize(("videos", "least", "most"), [(0, 12, 12), (20, 12, 12), (200, 2, 4), (1000, 4, 8)])
def test_key_frames_share_the_budget_of_the_file(videos: int, least: int, most: int) -> None:
    assert least <= frames_per_video(videos) <= most


def test_occlusion_test_shows_the_frame_where_motion_matters(plain: Built) -> None:
    case = load_case(plain.folder)
    exhibit = next(e for e in case.exhibits if e.path.endswith("call-01.mp4"))
    found = video(case, exhibit, Identities(case), 0).occlusion
    assert found is not None
    rows = {r["kind"]: r for r in case.visuals(exhibit.key)}
    stored = cv2.imdecode(np.frombuffer(rows["occlusion"]["image"], np.uint8), cv2.IMREAD_UNCHANGED)
    frame = cv2.imdecode(np.frombuffer(rows["frame"]["image"], np.uint8), cv2.IMREAD_UNCHANGED)
    assert np.array(found.effects) == pytest.approx(stored / 255 * 0.23)
    row, column = found.strongest
    assert found.effects[row - 1][column - 1] == found.most == rows["occlusion"]["white"] == 0.23
    png = base64.b64decode(found.picture.uri.partition(",")[2])
    shown = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    edges = np.linspace(0, 128, 7).round().astype(int)
    patch = np.s_[edges[row - 1] : edges[row], edges[column - 1] : edges[column]]
    assert np.abs(shown[patch].astype(int) - frame[patch]).max() <= 1
    weak = np.unravel_index(stored.argmin(), stored.shape)
    patch = np.s_[edges[weak[0]] : edges[weak[0] + 1], edges[weak[1]] : edges[weak[1] + 1]]
    faded = 255 - stored[weak] / 255 * (255 - frame[patch].astype(float))
    assert np.abs(shown[patch] - faded).max() <= 1
    assert f"row {row} of 6 from the top, column {column} of 6 from the left" in plain.html


def test_known_videos_have_no_occlusion_test(plain: Built) -> None:
    tested = {v["label"][0] for v in plain.figures["videos"] if v["occlusion"]}
    assert tested == {"Q"}


def test_case_with_very_many_questioned_videos_says_that_none_was_tested(fresh: Path, plain: Built) -> None:
    case = CaseBuilder(pictures=False)
    for i in range(51):
        case.questioned(f"{i:02d}.mp4", "x", clips=1)
    said = "a case with more than 50 questioned videos goes without"
    assert said in build(case, fresh).text
    assert said not in plain.text


def test_what_was_remarkable_about_a_processed_file_is_said(fresh: Path) -> None:
    remark = "The file holds 2 video tracks; only track 1 was analysed."
    case = CaseBuilder(pictures=False).known("Ada", 1).known("Ben", 1)
    case.questioned("q.mkv", "Ada", reason_code="several_tracks", reason=remark)
    built = build(case, fresh)
    assert remark in built.text
    assert "decoded with a caveat" in built.text


def test_bar_of_a_perfect_match_is_the_tallest() -> None:
    """A score of 0, the best there is, once counted as none and stood lowest."""
    clip = {"usable": True, "flags": [], "motion_energy": 1.0}
    clips = [{**clip, "clip_id": str(k), "start_second": k, "end_second": k + 1} for k in range(2)]
    spans, _ = _spans(clips, 2.0, {"0": -0.0, "1": -0.5})
    assert [span.height for span in spans] == [100, 15]


def test_copy_that_lies_in_nobodys_folder_does_not_stand_for_the_one_that_was_decoded(fresh: Path) -> None:
    """known/x.mp4 comes before known/zoe/x.mp4; it once took its place, and zoe's scores lost a video."""
    builder = CaseBuilder(pictures=False).known("ann", 2).known("zoe", 2)
    first = next(v.path for v in builder.videos if v.identity == "zoe")
    copy = VideoSpec("known/x.mp4", "known", None, status="failed", reason_code="no_identity", content=first)
    builder.videos.append(copy)
    case = load_case(builder.write(fresh))
    of_path = {e.path: e for e in case.exhibits}
    assert len(of_path) == 5
    assert case.by_id[of_path[first].row["evidence_id"]].path == first
    assert known_scores(case).n_videos == 4
    assert video(case, of_path["known/x.mp4"], Identities(case), 0).spans == ()


def test_failed_file_that_nothing_calls_a_video_is_not_counted_as_one(fresh: Path) -> None:
    builder = CaseBuilder(pictures=False).known("ann", 1).questioned("call.mp4", "ann")
    for path, code in (
        ("a.zip!/notes.txt", "member_encrypted"), ("a.zip!/b.mp4", "member_encrypted"),
        ("b.zip!", "archive_damaged"), ("no suffix", "no_frames"), ("letter.mp4", "not_video"),
        ("closed", "unreadable"),
    ):  # fmt: skip
        builder.questioned(path, "ann", status="failed", reason_code=code, reason="So it is.")
    built = Built(build_report(builder.write(fresh)).parent)
    shown = {q["path"] for q in built.figures["questioned"]}
    assert shown == {"call.mp4", "a.zip!/b.mp4", "no suffix", "letter.mp4"}
    assert "4 questioned and 1 known videos" in built.text
    failed = built.text[built.text.index("What failed and why") :]
    assert all(path in failed for path in ("a.zip!/notes.txt", "closed", "b.zip!"))
    assert len(report_figures(fresh, redact=True)["questioned"]) == 4


def test_recording_in_files_of_other_bytes_is_told_before_anything_else(fresh: Path) -> None:
    """One byte behind the end makes another SHA-256, and a video that matches itself perfectly."""
    CaseBuilder(pictures=False).known("ann", 3).known("zoe", 2).questioned("call.mp4", "ann").write(fresh)
    assert "The same pictures in several files" not in Built(build_report(fresh).parent).text
    case = load_case(fresh)
    one, other = (e.evidence_id for e in case.exhibits if e.row["identity"] == "ann" and e.label != "K2")
    clips = pl.read_parquet(fresh / "clips").sort("evidence_id", "index")
    vectors = pl.read_parquet(fresh / "embeddings").sort("evidence_id", "clip_id")
    for table, column in ((clips, "motion_energy"), (vectors, "embedding")):
        values = table[column].to_list()
        ids = table["evidence_id"].to_list()
        copied = [values[i] for i, key in enumerate(ids) if key == one]
        for place, value in zip([i for i, key in enumerate(ids) if key == other], copied, strict=True):
            values[place] = value
        kept = table.with_columns(pl.Series(column, values, table.schema[column]))
        folder = fresh / ("clips" if column == "motion_energy" else "embeddings")
        for old in folder.glob("*.parquet"):
            old.unlink()
        kept.write_parquet(folder / "0.parquet")
    built = Built(build_report(fresh).parent)
    assert built.figures["same_pictures"] == [["K1", "K3"]]
    told = built.text.index("The same pictures in several files")
    assert told < built.text.index("At a glance")
    assert "K1 known/ann/ann-self-01.mp4; K3 known/ann/ann-self-03.mp4" in built.text[told:]
    assert "a likelihood ratio made of such a score, say nothing about who drives it" in built.text[told:]
    closed = Built(build_report(fresh, redact=True).parent).text
    assert "The same pictures in several files" in closed and "ann-self" not in closed
