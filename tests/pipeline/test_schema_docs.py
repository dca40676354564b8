"""The README describes the tables that are really written."""

from __future__ import annotations

from pathlib import Path

from pipeline.schema_docs import put_into

README = Path(__file__).parents[2] / "README.md"


def test_readme_holds_the_schemas_as_they_are() -> None:
    text = README.read_text(encoding="utf-8")
    assert put_into(text) == text, "run: python -m pipeline.schema_docs README.md"
