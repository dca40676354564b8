"""The README's schema tables, generated from the schemas: `python -m pipeline.schema_docs README.md`."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from pipeline import schemas

BEGIN, END = "<!-- schemas: begin -->", "<!-- schemas: end -->"


def schema_tables() -> str:
    """Markdown: one table of columns for each Parquet table."""
    parts = []
    for name, schema in schemas.TABLES.items():
        parts.append(f"**{name}**\n\n| column | type | unit | meaning |\n|---|---|---|---|")
        for field in schema:
            meta = field.metadata
            kind = str(field.type).replace("element: ", "").replace("item: ", "")
            parts.append(
                f"| {field.name} | {kind} | {meta[b'unit'].decode()} | {meta[b'meaning'].decode()} |"
            )
        parts.append("")
    return "\n".join(parts).strip()


def put_into(text: str) -> str:
    """``text`` with the part between the markers replaced; raises ValueError without markers."""
    pattern = re.compile(re.escape(BEGIN) + ".*?" + re.escape(END), re.DOTALL)
    if not pattern.search(text):
        raise ValueError(f"no {BEGIN} … {END} in the text")
    return pattern.sub(lambda _: f"{BEGIN}\n\n{schema_tables()}\n\n{END}", text)


if __name__ == "__main__":
    readme = Path(sys.argv[1])
    readme.write_text(put_into(readme.read_text("utf-8")), "utf-8")
