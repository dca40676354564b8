"""Which clips a corpus holds: identities, splits, and who drives whom, decided before a pixel is made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Final

import numpy as np

from pipeline.datasets.label import ORIGINAL, SPLITS
from pipeline.datasets.nvfair import GENERATED, ORIGINALS
from pipeline.errors import UserError
from pipeline.simulate.generators import GENERATORS
from pipeline.simulate.motion.track import FPS

SOURCE: Final = "simulated"
SHARES: Final = (0.6, 0.15, 0.25)  # of the identities, as many go to each split


@dataclass(frozen=True)
class Person:
    """One identity: its name in the corpus, its split, and the seed of its looks and of its habits.

    `recordings`: Live Link Face files that replace the simulated habits.
    """

    name: str
    split: str
    seed: int
    recordings: tuple[Path, ...] = ()


@dataclass(frozen=True)
class ClipPlan:
    """One video to be rendered. `clip` names the driving performance; `content_seed` what is said and felt,
    `take_seed` all chance of its performance, `scene_seed` light, camera and losses; `frames` at 25 fps.
    """

    path: str
    generator: str
    target: Person
    driver: Person
    clip: str
    content_seed: int
    take_seed: int
    scene_seed: int
    frames: int
    recording: Path | None = None

    @property
    def self_reenactment(self) -> bool:
        """Whether the driver moves its own face."""
        return self.target.name == self.driver.name


def stable_seed(*parts: object) -> int:
    """A seed from 0 to 2**31 - 1 that depends on `parts` and on nothing else."""
    digest = blake2b("/".join(map(str, parts)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") % 2**31


def sample_people(
    identities: int,
    seed: int,
    shares: tuple[float, float, float] = SHARES,
    recordings: Sequence[tuple[str, Path]] = (),
) -> list[Person]:
    """The corpus's identities with their splits, at least two in each split so that it has impostors.

    `recordings` are (driver, file) of external motion: its drivers become the identities then.
    """
    if recordings:
        files: dict[str, list[Path]] = {}
        for driver, path in recordings:
            files.setdefault(driver, []).append(path)
        names = sorted(files)
    else:
        files, names = {}, [f"sim{number:03d}" for number in range(1, identities + 1)]
    if len(names) < 2:
        raise UserError(f"a corpus needs two identities or more, not {len(names)}: raise --identities")
    counts = _split_counts(len(names), shares)
    order = np.random.default_rng([seed, 0x51]).permutation(len(names))
    split_of = dict(zip(order.tolist(), np.repeat(np.array(SPLITS), counts).tolist(), strict=True))
    return [
        Person(name, split_of[k], stable_seed(seed, "person", name), tuple(files.get(name, ())))
        for k, name in enumerate(names)
    ]


def _split_counts(total: int, shares: tuple[float, float, float]) -> list[int]:
    if total < 6:  # too few for three splits: all of them are for testing
        return [0, 0, total]
    held_out = [max(2, round(total * share)) for share in shares[1:]]
    return [total - sum(held_out), *held_out]


def plan_corpus(
    people: Sequence[Person],
    self_clips: int,
    cross_clips: int,
    seconds: float,
    generators: Sequence[str] = GENERATORS,
    seed: int = 0,
) -> list[ClipPlan]:
    """Every clip of a corpus: originals, and for each driver and generator self- and cross-reenactments.

    Cross-reenactments are formed within each split only. No performance is used twice, so that nothing
    but the driver's habits is common to two clips of a driver. Raises UserError for unusable numbers.
    """
    unknown = [name for name in generators if name not in GENERATORS]
    if unknown:
        raise UserError(f"{unknown[0]} is not a generator: --generators takes {', '.join(GENERATORS)}")
    frames = round(seconds * FPS)
    if frames < 2 or self_clips < 0 or cross_clips < 0 or self_clips + cross_clips == 0:
        raise UserError("nothing to render: --seconds must be 0.08 or more and --self or --cross 1 or more")
    plans: list[ClipPlan] = []
    for driver in people:
        others = [person for person in people if person.split == driver.split and person.name != driver.name]
        takes = 0
        for generator in (ORIGINAL, *generators):
            rng = np.random.default_rng([stable_seed(seed, driver.name, generator)])
            targets = [driver] * self_clips
            if generator != ORIGINAL and others:
                rounds = -(-cross_clips // len(others))
                targets += [others[k] for _ in range(rounds) for k in rng.permutation(len(others))][
                    :cross_clips
                ]
            for target in targets:
                plans.append(_clip(generator, target, driver, takes, frames, seed))
                takes += 1
    return sorted(plans, key=lambda plan: plan.path)


def _clip(generator: str, target: Person, driver: Person, take: int, frames: int, seed: int) -> ClipPlan:
    recording = driver.recordings[take % len(driver.recordings)] if driver.recordings else None
    clip = f"{driver.name}_{take:03d}" if recording is None else f"{recording.stem}_{take:03d}"
    clip = clip.replace("--", "-")
    if generator == ORIGINAL:
        path = f"{SOURCE}/{ORIGINALS}/{target.name}/{clip}.mp4"
    else:
        path = f"{SOURCE}/{generator}{GENERATED}/{target.name}/{target.name}--{clip}--{driver.name}.mp4"
    return ClipPlan(
        path=path,
        generator=generator,
        target=target,
        driver=driver,
        clip=clip,
        content_seed=stable_seed(seed, "content", driver.name, take),
        take_seed=stable_seed(seed, "take", driver.name, take),
        scene_seed=stable_seed(seed, "scene", path),
        frames=frames,
        recording=recording,
    )
