"""A model file's own words are never read as more than they say."""

from __future__ import annotations

import pytest

from model.validated_for import in_words, says_nothing, simulated_only


@pytest.mark.parametrize(
    "said",
    [
        None, "", " - ", "nothing (untrained)", "none", "N/A", "Unknown", "tbd",
        "not validated", "Not yet validated", "untested", "Not for evidence", "unvalidated", "non-validated",
        "research preview, not validated", "hasn't been validated", "demo\nnot to be used as evidence",
        "no validation was done", "validation pending", "to be validated", "35 people; not validated on any",
        "trained on simulation, never validated", "simulated people: not tested for anything", "un-tested",
        "research preview, not validated for real people",
    ],
)  # fmt: skip
def test_denial_in_a_models_words_is_no_validation(said: str | None) -> None:
    assert says_nothing(said)
    assert in_words(said).startswith("nothing")


@pytest.mark.parametrize(
    ("said", "simulated"),
    [
        ("simulation only", True),
        ("simulation only, not for evidence", True),
        ("simulated people; never tested on real ones", True),
        ("NVFAIR v2, three generators", False),
        ("200 real callers at 25 frames a second, validated without a notch filter", False),
        ("Northern English speakers, tested on 300", False),
    ],
)
def test_statement_of_a_purpose_stands_as_it_is(said: str, simulated: bool) -> None:
    assert not says_nothing(said)
    assert simulated_only(said) == simulated
    assert in_words(said) == said


def test_bare_denial_after_validated_for_reads_as_nothing() -> None:
    assert in_words("untested") == 'nothing (the model file says "untested")'
    assert in_words("nothing (untrained)") == "nothing (untrained)"
