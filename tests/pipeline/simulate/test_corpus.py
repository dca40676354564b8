"""A whole small corpus on disk: layout, metadata, resuming."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from pipeline.casefile import read_case
from pipeline.datasets.nvfair import is_nvfair, read_nvfair
from pipeline.errors import UserError
from pipeline.simulate.case import DRIVERS, simulate_case
from pipeline.simulate.corpus import simulate
from pipeline.simulate.plan import ClipPlan

OPTIONS = {"identities": 6, "self_clips": 1, "cross_clips": 1, "seconds": 0.4, "seed": 8}


def make(out: Path, wheel: Path, **changes: int) -> list[ClipPlan]:
    options = OPTIONS | changes
    return simulate(
        out,
        identities=int(options["identities"]),
        self_clips=int(options["self_clips"]),
        cross_clips=int(options["cross_clips"]),
        seconds=float(options["seconds"]),
        seed=int(options["seed"]),
        heads=wheel,
        workers=2,
    )


def decode(path: Path) -> NDArray[np.uint8]:
    with av.open(str(path)) as container:
        return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)])


@pytest.fixture(scope="module")
def corpus(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("corpus")
    make(out, wheel)
    return out


def test_benchmark_reader_reads_the_corpus_without_a_special_case(corpus: Path) -> None:
    assert is_nvfair(corpus)
    dataset = read_nvfair(corpus)
    assert dataset.problems == ()
    assert len(dataset) == 6 * 1 + 6 * 3 * 2
    assert set(dataset.labels["generator"]) == {"original", "mesh", "tps", "latent"}
    assert dataset.labels["split"].null_count() == 0
    truth = pl.read_parquet(corpus / "per_file_information.parquet").sort("path")
    for column in ("path", "target", "driver", "generator", "split"):
        assert dataset.labels.sort("path")[column].to_list() == truth[column].to_list()


def test_metadata_names_the_seeds_of_every_file(corpus: Path) -> None:
    table = pl.read_csv(corpus / "per_file_information.csv")
    assert set(table["self / cross-reenactment?"].drop_nulls()) == {"self", "cross"}
    assert table["applicable license"].unique().to_list() == ["CC0-1.0"]
    for column in ("target_seed", "driver_seed", "content_seed", "scene_seed"):
        assert table[column].null_count() == 0
    assert all((corpus / path).is_file() for path in table["path"])


def test_interrupted_corpus_is_continued_with_the_same_frames(corpus: Path, wheel: Path) -> None:
    videos = sorted(corpus.rglob("*.mp4"))
    lost = videos[3]
    before = decode(lost)
    times = {video: video.stat().st_mtime_ns for video in videos}
    lost.unlink()
    make(corpus, wheel)
    np.testing.assert_array_equal(decode(lost), before)
    changed = [video for video in videos if video.stat().st_mtime_ns != times[video]]
    assert changed == [lost]
    assert not list(corpus.rglob("*.part"))


def test_folder_of_another_corpus_is_refused(corpus: Path, wheel: Path) -> None:
    with pytest.raises(
        UserError, match=r"train_val_test_splits\.txt belongs to a corpus made with other options"
    ):
        make(corpus, wheel, identities=7)
    with pytest.raises(UserError, match=r"per_file_information\.csv belongs to a corpus made with other"):
        make(corpus, wheel, cross_clips=2)


def test_nothing_is_rendered_among_files_of_others(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "seized.mp4").write_bytes(b"evidence")
    with pytest.raises(UserError, match="holds files but no simulated corpus: name a new or empty folder"):
        make(tmp_path, wheel)
    assert [path.name for path in tmp_path.iterdir()] == ["seized.mp4"]


def takes(folder: Path) -> Path:
    """A take of each of two people, as Live Link Face writes it."""
    from pipeline.simulate.motion.track import ARKIT_NAMES

    header = ["Timecode", "BlendshapeCount", *(n[0].upper() + n[1:] for n in ARKIT_NAMES)]
    header += ["HeadYaw", "HeadPitch", "HeadRoll"]
    for driver in ("kim", "lee"):
        rows = [
            [f"10:00:00:{frame:02d}.000", "61", *[f"{0.2 + 0.01 * (frame % 10):.3f}"] * 52, "0.1", "0", "0"]
            for frame in range(60)
        ]
        (folder / driver).mkdir(parents=True)
        text = "\n".join(",".join(row) for row in [header, *rows])
        (folder / driver / "hello.csv").write_text(text, "utf-8")
    return folder


def replay(out: Path, motion: Path, wheel: Path) -> None:
    simulate(
        out,
        self_clips=1,
        cross_clips=1,
        seconds=0.5,
        generators=["mesh"],
        motion=motion,
        heads=wheel,
        workers=1,
    )


def test_recorded_motion_replaces_the_simulated_drivers(wheel: Path, tmp_path: Path) -> None:
    replay(tmp_path / "replay", takes(tmp_path / "takes"), wheel)
    assert set(read_nvfair(tmp_path / "replay").labels["driver"]) == {"kim", "lee"}


def test_broken_take_is_named_with_its_line_before_anything_is_rendered(wheel: Path, tmp_path: Path) -> None:
    """Out of a rendering process its sentence came as a traceback, after whatever was rendered before."""
    take = takes(tmp_path / "takes") / "lee" / "hello.csv"
    take.write_text(take.read_text("utf-8").replace("10:00:00:07.000,61,0.270", "10:00:00:07.000,61,zero"))
    with pytest.raises(
        UserError, match=r"lee/hello\.csv, line 9, column EyeBlinkLeft: 'zero' is not a number"
    ):
        replay(tmp_path / "replay", tmp_path / "takes", wheel)
    assert not (tmp_path / "replay").exists()


def test_demo_case_holds_truths_impostures_and_a_file_cut_short(wheel: Path, tmp_path: Path) -> None:
    videos = simulate_case(tmp_path / "case", seed=1, seconds=0.6, heads=wheel, workers=2)
    case = read_case(tmp_path / "case")
    assert {entry.path for entry in case.files} == {video.path for video in videos}
    assert all((tmp_path / "case" / video.path).is_file() for video in videos)
    questioned = [video for video in videos if video.claimed_driver and "damaged" not in video.path]
    assert [video.genuine for video in questioned].count(True) == 4 == len(questioned) / 2
    for driver in DRIVERS:
        known = [v for v in videos if v.claimed_driver is None and v.driver == driver]
        assert {v.target for v in known} == {driver, "avatar"} and len(known) == 4
    with pytest.raises(av.FFmpegError):
        decode(tmp_path / "case" / "questioned/damaged.mp4")
