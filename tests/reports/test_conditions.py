"""The case's conditions stand beside the model's, and every mismatch is named."""

from __future__ import annotations

import json
from pathlib import Path

from reports.build import build_report
from reports.case import load_case
from reports.conditions import conditions
from tests.reports.case_folder import plain_case
from tests.reports.conftest import Built


def test_every_mismatch_is_named(fresh: Path) -> None:
    plain_case().write(fresh)
    run = json.loads((fresh / "run.json").read_text())
    run["model"]["validation"] = {
        "conditions": {
            "codec": ["h264"], "container": ["mov,mp4"], "width": [256, 512], "height": [256, 512],
            "rate": [25, 25], "duration": [1, 60], "generator": ["mesh", "tps"],
        }
    }  # fmt: skip
    (fresh / "run.json").write_text(json.dumps(run))
    found = {c.name: c for c in conditions(load_case(fresh))}
    outside = {name: c.outside for name, c in found.items() if c.outside}
    assert outside == {"codec": ("vp9",), "picture": ("1280 × 720",), "rate": ("30",)}
    assert found["codec"].unshared == ("vp9",)
    assert found["picture"].declared == ("256 to 512 × 256 to 512",)
    assert found["compression"].declared is None
    assert [name for name, c in found.items() if c.unknown] == ["generator"]
    text = Built(build_report(fresh).parent).text
    assert "outside the model's validation: vp9" in text
    assert "not among the known videos: vp9" in text
    assert "cannot be told from the videos" in text
    assert "does not say under which conditions" not in text


def test_model_that_states_no_conditions_is_said_to(plain: Built) -> None:
    assert "The model file does not say under which conditions it was validated" in plain.text
    assert all(c["declared"] is None for c in plain.figures["conditions"])
