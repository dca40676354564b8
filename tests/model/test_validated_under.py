"""What a model states of its validation's conditions, and which videos lie outside."""

from __future__ import annotations

import json

import pytest

from model.validated_under import conditions_of, measured, validated_under

VIDEO = {
    "codec": "h264", "container": "mov,mp4", "vfr": False, "width": 256, "height": 128, "fps": 25.0,
    "frames_decoded": 100, "size": 40_960, "duration": 4.0,
}  # fmt: skip


def test_conditions_of_a_corpus_are_its_words_and_its_least_and_most() -> None:
    other = {**VIDEO, "codec": "vp9", "size": 81_920, "duration": 8.0, "generator": "mesh"}
    stated = conditions_of([VIDEO, other, {"size": 5}])
    assert json.loads(json.dumps(stated)) == {
        "codec": ["h264", "vp9"], "container": ["mov,mp4"], "varying_rate": ["no"], "generator": ["mesh"],
        "width": [256, 256], "height": [128, 128], "rate": [25, 25], "bits_per_pixel": [0.1, 0.2],
        "duration": [4, 8],
    }  # fmt: skip


def test_every_video_of_the_corpus_is_inside_its_own_conditions() -> None:
    stated = validated_under({"conditions": conditions_of([VIDEO])})
    assert not stated.outside(measured(VIDEO), VIDEO)


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("codec", {"codec": "hevc"}),
        ("width", {"width": 1920}),
        ("rate", {"fps": 30.0}),
        ("bits_per_pixel", {"size": 20_000}),
        ("duration", {"duration": 3.9}),
        ("varying_rate", {"vfr": True}),
    ],
)
def test_what_differs_is_outside_and_what_is_not_stated_is_not(key: str, change: dict[str, object]) -> None:
    stated = conditions_of([VIDEO])
    video = measured({**VIDEO, **change})
    assert validated_under({"conditions": stated}).outside(video, [key])
    stated.pop(key)
    assert not validated_under({"conditions": stated}).outside(video, [key])


BROKEN = {"codec": "h264", "width": [1], "rate": ["a", "b"]}


@pytest.mark.parametrize("broken", [None, {}, *({"conditions": c} for c in (None, ["h264"], BROKEN))])
def test_statement_of_another_form_states_nothing(broken: dict[str, object] | None) -> None:
    stated = validated_under(broken)
    assert (stated.words, stated.ranges) == ({}, {})
