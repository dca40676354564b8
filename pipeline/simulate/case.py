"""A small simulated case for `make demo`: known and questioned videos, and one that is damaged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from pipeline.simulate.corpus import Progress, render_plans
from pipeline.simulate.head_data import find_wheel
from pipeline.simulate.motion.track import FPS
from pipeline.simulate.plan import ClipPlan, Person, stable_seed

DRIVERS: Final = ("amber", "birch", "cedar", "damson")
AVATAR: Final = "avatar"  # a face all four hold the rights to, so that a face alone settles nothing
SECONDS: Final = 5.5
_GENERATORS: Final = ("mesh", "tps", "latent")
_KEPT: Final = 0.6  # share of the damaged file's bytes that are left


@dataclass(frozen=True)
class CaseVideo:
    """One video of the case and the truth about it. `claimed_driver` is None for a known video."""

    path: str
    target: str
    driver: str
    claimed_driver: str | None
    generator: str

    @property
    def genuine(self) -> bool:
        """Whether the claim (or for a known video the label) is true."""
        return self.claimed_driver in (None, self.driver)


def _videos() -> list[CaseVideo]:
    videos: list[CaseVideo] = []
    for number, driver in enumerate(DRIVERS):
        for take in range(4):
            target = driver if take < 2 else AVATAR
            generator = _GENERATORS[(number + take) % 3]
            path = f"known/{driver}/{target}/{driver}-{take + 1}.mp4"
            videos.append(CaseVideo(path, target, driver, None, generator))
    for number, claimed in enumerate(DRIVERS):
        impostor = DRIVERS[(number + 1) % len(DRIVERS)]
        generator = _GENERATORS[(number + 2) % 3]
        for driver, target in ((claimed, AVATAR), (impostor, claimed)):
            path = f"questioned/call-{len(videos) - 15:02d}.mp4"
            videos.append(CaseVideo(path, target, driver, claimed, generator))
    damaged = CaseVideo("questioned/damaged.mp4", DRIVERS[0], DRIVERS[0], DRIVERS[0], "mesh")
    return [*videos, damaged]


def simulate_case(
    out: Path,
    seed: int = 0,
    seconds: float = SECONDS,
    heads: Path | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[CaseVideo]:
    """Write an evidence folder: 16 known videos of four drivers, eight questioned ones of which four are
    impostures, one cut short, and case.toml with targets and claims. Returns the truth about every video,
    which is nowhere in the folder. What is there already is kept.
    """
    wheel = find_wheel(heads)
    out.mkdir(parents=True, exist_ok=True)
    people = {name: Person(name, "test", stable_seed("case", seed, name)) for name in (*DRIVERS, AVATAR)}
    videos = _videos()
    plans = [_plan(video, people, seed, seconds) for video in videos]
    # The damaged file is cut from a whole one that is rendered elsewhere and removed.
    whole = replace(plans[-1], path=f".{Path(plans[-1].path).name}")
    pending = [] if (out / plans[-1].path).is_file() else [whole]
    render_plans(wheel, out.resolve(), [*plans[:-1], *pending], workers, progress)
    if pending:
        data = (out / whole.path).read_bytes()
        (out / plans[-1].path).write_bytes(data[: int(len(data) * _KEPT)])
        (out / whole.path).unlink()
    (out / "case.toml").write_text(_case_file(videos), "utf-8")
    return videos


def _plan(video: CaseVideo, people: dict[str, Person], seed: int, seconds: float) -> ClipPlan:
    return ClipPlan(
        path=video.path,
        generator=video.generator,
        target=people[video.target],
        driver=people[video.driver],
        clip=Path(video.path).stem,
        content_seed=stable_seed("case", seed, "content", video.path),
        take_seed=stable_seed("case", seed, "take", video.path),
        scene_seed=stable_seed("case", seed, "scene", video.path),
        frames=round(seconds * FPS),
    )


def _case_file(videos: list[CaseVideo]) -> str:
    lines = [
        "# A simulated case: every face and every motion in it is made up.",
        "[case]",
        'number = "DEMO-1"',
        'examiner = "demo"',
        'title = "Eight calls, four of them driven by someone else"',
    ]
    for video in videos:
        lines += ["", "[[file]]", f'path = "{video.path}"', f'target = "{video.target}"']
        if video.claimed_driver is not None:
            lines.append(f'claimed_driver = "{video.claimed_driver}"')
    return "\n".join(lines) + "\n"
