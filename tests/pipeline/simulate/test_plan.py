"""Which clips a corpus holds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pipeline.datasets.label import SPLITS
from pipeline.errors import UserError
from pipeline.simulate.plan import ClipPlan, plan_corpus, sample_people


def plans_of(identities: int, self_clips: int = 2, cross_clips: int = 4, seed: int = 3) -> list[ClipPlan]:
    return plan_corpus(sample_people(identities, seed), self_clips, cross_clips, 4.0, seed=seed)


def test_full_corpus_has_1800_reenactments_and_its_originals() -> None:
    kinds = Counter(plan.generator for plan in plans_of(40, 5, 10))
    assert kinds == {"mesh": 600, "tps": 600, "latent": 600, "original": 200}


def test_reenactments_stay_within_a_split_and_every_split_has_impostors() -> None:
    plans = plans_of(12)
    assert all(plan.target.split == plan.driver.split for plan in plans)
    for split in SPLITS:
        cross = [p for p in plans if p.driver.split == split and not p.self_reenactment]
        assert len({p.driver.name for p in cross}) >= 2


def test_no_performance_is_used_twice() -> None:
    plans = plans_of(8)
    assert len({(p.content_seed, p.take_seed) for p in plans}) == len(plans)
    assert len({p.scene_seed for p in plans}) == len(plans)
    assert len({p.path for p in plans}) == len(plans)


def test_every_identity_is_target_and_driver() -> None:
    plans = plans_of(10)
    names = {f"sim{k:03d}" for k in range(1, 11)}
    assert {p.driver.name for p in plans} == {p.target.name for p in plans} == names


def test_plan_depends_on_the_seed_and_on_nothing_else() -> None:
    assert plans_of(7) == plans_of(7)
    assert {p.driver.seed for p in plans_of(7)}.isdisjoint(p.driver.seed for p in plans_of(7, seed=4))


def test_drivers_of_recordings_become_the_identities(tmp_path: Path) -> None:
    recordings = [("kim", tmp_path / "a.csv"), ("kim", tmp_path / "b--c.csv"), ("lee", tmp_path / "d.csv")]
    plans = plan_corpus(sample_people(40, 0, recordings=recordings), 3, 3, 2.0)
    assert {p.driver.name for p in plans} == {"kim", "lee"}
    assert {p.recording for p in plans if p.driver.name == "kim"} == {
        path for who, path in recordings[:2] if who
    }
    assert all(Path(p.path).stem.count("--") == 2 for p in plans if p.generator != "original")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"identities": 1}, "two identities or more"),
        ({"generators": ["meshh"]}, "meshh is not a generator"),
        ({"seconds": 0.01}, "nothing to render"),
        ({"self_clips": 0, "cross_clips": 0}, "nothing to render"),
    ],
)
def test_unusable_numbers_are_refused_in_one_sentence(change: dict[str, object], sentence: str) -> None:
    options = {"identities": 4, "self_clips": 1, "cross_clips": 1, "seconds": 1.0, "generators": ["mesh"]}
    options |= change
    with pytest.raises(UserError, match=sentence):
        plan_corpus(
            sample_people(int(str(options["identities"])), 0),
            *(options["self_clips"], options["cross_clips"], options["seconds"], options["generators"]),  # type: ignore[arg-type]
        )
