"""Reports built once for the whole run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reports.build import build_report, figures_json
from tests.reports.case_folder import CaseBuilder, calibrated_case, exploratory_case, plain_case


class Elements(HTMLParser):
    """Start tags in order, with their attributes, and the text below each `data`."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@dataclass(frozen=True)
class Built:
    """A case folder with its report."""

    folder: Path

    @property
    def path(self) -> Path:
        return self.folder / "report.html"

    @property
    def html(self) -> str:
        return self.path.read_text(encoding="utf-8")

    @property
    def text(self) -> str:
        """What a reader reads: no tags, no style, no script, runs of space as one."""
        body = re.sub(r"<(style|script)>.*?</\1>", "", self.html, flags=re.S)
        import html

        return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", "", body)))

    @property
    def elements(self) -> Elements:
        return Elements(self.html)

    @property
    def figures(self) -> Any:
        return json.loads(figures_json(self.folder))


def build(case: CaseBuilder, folder: Path) -> Built:
    build_report(case.write(folder))
    return Built(folder)


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Six known identities, five questioned files."""
    return build(plain_case(), tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="session")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Six drivers behind one face: the case's own videos calibrate likelihood ratios."""
    folder = calibrated_case(tmp_path_factory.mktemp("calibrated"))
    build_report(folder)
    return Built(folder)


@pytest.fixture(scope="session")
def single(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """One questioned video and nothing else."""
    case = CaseBuilder(exploratory=True).questioned("only.mp4", "somebody")
    return build(case, tmp_path_factory.mktemp("single"))


@pytest.fixture(scope="session")
def exploratory(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Twelve videos of three drivers nobody named."""
    return build(exploratory_case(), tmp_path_factory.mktemp("exploratory"))


@pytest.fixture(scope="session")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A folder in which nothing was found."""
    return build(CaseBuilder(), tmp_path_factory.mktemp("empty"))


HOSTILE_NAMES = [
    "q/<script>window.pwned=1</script>.mp4",
    'q/"onmouseover="window.pwned=1.mp4',
    "q/'};window.pwned=1;'.mp4",
    "q/</style><img src=x onerror=window.pwned=1>.mp4",
    "q/harmless\u202egpj.4pm",
    "q/two\nlines\tand\x07bell.mp4",
    "q/{{ 7 * 7 }}{% raw %}.mp4",
    "q/" + "long" * 60 + ".mp4",
    "q/\u05d0\u05d1\u05d2 \u0645\u0631\u062d\u0628\u0627.mp4",
    "q/$\\frac{1}{0}$ &amp; 100 %.mp4",
    "q/zero\u200bwidth\ufeff.mp4",
]


@pytest.fixture(scope="session")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """Names that try to run, to break out, to reorder and to hide, in every place a name can stand."""
    evil = "<img src=x onerror=window.pwned=1>"
    case = CaseBuilder(spread=3.0)
    for i, person in enumerate((evil, "$\\frac{1}{0}$", "\u202eevil", "<b>bold", "a\x00b", "&amp;")):
        case.known(person.replace("\x00", "\x01"), 3, target="shared", path=f"known/{i}")
        for j, video in enumerate(case.videos[-3:]):
            video.path = f"known/{i}/{person[:9]}{j}.mp4".replace("\x00", "\x01")
    for name in HOSTILE_NAMES:
        case.questioned(name, evil, claimed_driver=evil, target=evil)
    case.questioned(
        "q/failed" + evil, evil, status="failed", reason_code="unreadable", reason=f"cannot read {evil}"
    )
    case.run["case"] = {"number": '"} </style><script>window.pwned=1</script>\n@import "x', "examiner": evil,
                        "title": evil, "propositions": {"same": evil, "different": evil}}  # fmt: skip
    case.run["command"] = ["driverprint", evil]
    case.run["guards"] = {evil: evil}
    case.run["not_searched"] = [{"path": evil, "reason": evil}]
    case.run["conflicts"] = [{"evidence_id": evil, "paths": [evil, "\u202etxt"], "reason": evil}]
    return build(case, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Path]:
    """An empty folder for a case of the test's own."""
    yield tmp_path / "case"
