"""A real case: questioned videos come with their occlusion test, in the tables and in the report."""

from __future__ import annotations

import polars as pl

from tests.pipeline.cli.conftest import Run


def test_questioned_videos_have_an_occlusion_test_and_known_ones_have_none(real_run: Run) -> None:
    evidence = pl.read_parquet(real_run.case / "evidence.parquet").filter(pl.col("n_usable") > 0)
    roles = dict(evidence.select("evidence_id", "role").iter_rows())
    pictures = pl.read_parquet(real_run.case / "visuals").filter(pl.col("kind") == "occlusion")
    assert sorted(pictures["evidence_id"]) == sorted(key for key, role in roles.items() if role != "known")
    assert pictures["white"].is_between(0, 2, closed="right").all()
    page = (real_run.case / "report.html").read_text(encoding="utf-8")
    assert page.count('class="motion occlusion"') == len(pictures)
