"""The file itself: one page, the same bytes twice, nothing loaded, nothing inline but what is hashed."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from pipeline.errors import UserError
from reports.build import build_report, figures_json
from reports.names import spelt_alike
from reports.videos import MOST_INLINE
from reports.wording import TEMPLATES, strings
from tests.reports.case_folder import CaseBuilder, exploratory_case, plain_case
from tests.reports.conftest import Built, build

ALL = ["plain", "exploratory", "empty", "hostile"]


@pytest.fixture(params=ALL)
def built(request: pytest.FixtureRequest) -> Built:
    return request.getfixturevalue(request.param)


def test_rebuilding_gives_the_same_bytes(built: Built) -> None:
    before = built.path.read_bytes()
    build_report(built.folder)
    assert built.path.read_bytes() == before


@pytest.mark.parametrize("processor", ["Haswell", "Sandybridge"])
def test_same_bytes_in_another_process_with_another_hash_seed(exploratory: Built, processor: str) -> None:
    """Nor do the bytes depend on which linear algebra OpenBLAS picks for the processor."""
    before = exploratory.path.read_bytes()
    code = (
        "import sys; from pathlib import Path; from reports.build import build_report;"
        "build_report(Path(sys.argv[1]))"
    )
    subprocess.run(
        [sys.executable, "-c", code, exploratory.folder],
        check=True,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LANG": "C", "OPENBLAS_CORETYPE": processor},
    )
    assert exploratory.path.read_bytes() == before


def test_report_is_built_without_ray_torch_or_onnxruntime(exploratory: Built) -> None:
    code = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in {'ray', 'torch', 'onnxruntime', 'cv2', 'av'}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from pathlib import Path\n"
        "from reports.build import build_report\n"
        "build_report(Path(sys.argv[1]))\n"
    )
    subprocess.run([sys.executable, "-c", code, exploratory.folder], check=True)


def test_policy_names_the_hash_of_the_very_style_and_script(built: Built) -> None:
    policy = next(
        a["content"] for a in built.elements.all("meta") if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("style", "script"):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", built.html, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_no_inline_style_no_handler_and_no_address_outside(built: Built) -> None:
    for tag, attributes in built.elements.found:
        assert "style" not in attributes, tag
        assert not [name for name in attributes if name.startswith("on")], tag
        for name in ("src", "href", "xlink:href"):
            value = attributes.get(name) or "#"
            assert value.startswith(("#", "data:")), (tag, value)


def test_ids_are_unique_and_every_reference_leads_somewhere(built: Built) -> None:
    ids = [a["id"] for _, a in built.elements.found if "id" in a]
    assert len(ids) == len(set(ids))
    for tag, attributes in built.elements.found:
        targets = [attributes["href"][1:]] if (attributes.get("href") or "").startswith("#") else []
        targets += (attributes.get("aria-labelledby") or "").split()
        targets += re.findall(r"url\(#([^)]+)\)", " ".join(v or "" for v in attributes.values()))
        assert set(targets) <= set(ids), tag


def test_headings_descend_one_level_at_a_time(built: Built) -> None:
    levels = [int(tag[1]) for tag, _ in built.elements.found if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_every_picture_and_figure_has_words(built: Built) -> None:
    assert all(a.get("alt") for a in built.elements.all("img"))
    for attributes in built.elements.all("svg"):
        assert attributes.get("aria-hidden") == "true" or attributes.get("role") == "img"
        if attributes.get("role") == "img":
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")


def test_warning_stands_before_any_result(built: Built) -> None:
    assert built.html.index('id="model-status"') < built.html.index('id="results"')
    assert built.html.index('id="model-status"') < built.html.index('class="stats"')


@pytest.mark.parametrize(
    ("said", "status", "words"),
    [
        ("nothing (untrained)", "nothing", "says nothing about any driver"),
        (None, "nothing", "says nothing about any driver"),
        ("", "nothing", "says nothing about any driver"),
        ("not validated", "nothing", "says nothing about any driver"),
        ("simulation only", "simulation", "Not evidence about real people"),
        ("NVFAIR v2, three generators", "stated", "What the model is validated for"),
    ],
)
def test_model_is_never_trusted_beyond_its_own_words(said, status, words, fresh: Path) -> None:
    CaseBuilder().known("A", 1).write(fresh)
    run = json.loads((fresh / "run.json").read_text())
    run["model"]["validated_for"] = said
    (fresh / "run.json").write_text(json.dumps(run))
    found = Built(build_report(fresh).parent)
    assert f'data-status="{status}"' in found.html
    assert words in found.text


@pytest.mark.parametrize(
    ("condition", "says", "differences"),
    [
        ("FEAT_DIFF", "between their feature maps", True),
        ("PIXEL_DIFF", "between their pixels", True),
        ("RAW_FEAT", "the frames themselves", False),
        ("STATIC", "the middle frame of each clip alone", False),
        ("another", "A network turns each clip into an embedding", False),
    ],
)
def test_method_says_what_the_model_sees(condition: str, says: str, differences: bool, fresh: Path) -> None:
    CaseBuilder(pictures=False).known("A", 1).write(fresh)
    run = json.loads((fresh / "run.json").read_text())
    run["model"]["condition"] = condition
    (fresh / "run.json").write_text(json.dumps(run))
    text = Built(build_report(fresh).parent).text
    method = text[text.index("How the comparison works") :]
    assert says in method
    assert ("the differences of neighbouring frames" in method) == differences


@pytest.mark.parametrize("condition", ["FEAT_DIFF", "PIXEL_DIFF", "RAW_FEAT", "STATIC", "another"])
def test_nothing_is_said_of_motion_that_does_not_hold_for_the_model(condition: str, fresh: Path) -> None:
    CaseBuilder(exploratory=True).questioned("a.mp4", "A", frozen=1).questioned("b.mp4", "B").write(fresh)
    run = json.loads((fresh / "run.json").read_text())
    run["model"]["condition"] = condition
    (fresh / "run.json").write_text(json.dumps(run))
    text = Built(build_report(fresh).parent).text
    differences, frames = condition.endswith("_DIFF"), condition in ("RAW_FEAT", "STATIC")
    assert "1 of 10 clips are not fit for comparison and are left out of every score." in text
    assert ("any clip without motion is like any other" in text) == differences
    assert ("resemble one another in the way the face moves" in text) == (not frames)
    assert ("given frames and not these differences" in text) == frames
    assert ("which is given frames and not their differences, and may share" in text) == frames
    assert ("What the embedding rests on" in text, "what rests on that is not shown" in text) == (
        True,
        frames,
    )


def test_model_file_without_an_interval_says_why(fresh: Path) -> None:
    CaseBuilder().known("A", 1).write(fresh)
    run = json.loads((fresh / "run.json").read_text())
    why = "fewer than five target identities to draw from"
    run["model"]["validation"] = {"validation": {"auc": 0.8, "interval_95": None, "no_interval": why}}
    (fresh / "run.json").write_text(json.dumps(run))
    found = Built(build_report(fresh).parent)
    assert re.search(rf"95 % interval\s*–none\s*No interval\s*{why}", found.text)


def test_video_without_a_face_in_any_clip_says_so_beside_its_score(fresh: Path) -> None:
    case = CaseBuilder().known("A", 2).known("B", 2)
    case.questioned("questioned/back.mp4", "A", faceless=5).questioned(
        "questioned/turned.mp4", "A", faceless=4
    )
    found = build(case, fresh)
    assert [[c for c in q["caveats"] if "face" in c] for q in found.figures["questioned"]] == [
        ["no_face"],
        [],
    ]
    assert found.text.count(strings()["results.caveat.no_face"]) == 1


@pytest.mark.parametrize(("more", "warns"), [({}, True), ({"conflict": "two drivers"}, False)])
def test_known_video_without_a_face_is_told_beside_the_scores_it_stands_in(
    more: dict[str, str], warns: bool, fresh: Path
) -> None:
    case = CaseBuilder().known("A", 2).known("B", 2).known("B", 1, target="C", faceless=5, **more)
    found = build(case.questioned("questioned/a.mp4", "A"), fresh)
    (said,) = found.figures["questioned"]
    assert ("known_no_face" in said["caveats"]) == warns
    assert (strings()["results.caveat.known_no_face"] in found.text) == warns
    assert "no_face" not in said["caveats"]


def test_conflicts_come_first(hostile: Built, plain: Built) -> None:
    assert hostile.html.index('id="conflict-heading"') < hostile.html.index('id="model-status"')
    assert "conflict-heading" not in plain.html


def test_file_in_conflict_is_not_given_a_ranking(fresh: Path) -> None:
    case = CaseBuilder().known("A", 2).known("B", 2).questioned("q.mp4", "A", conflict="also known as A")
    text = build(case, fresh).text
    assert "No result: the file is in conflict and was not compared. also known as A" in text


def keys_asked_for() -> Iterator[str]:
    """Patterns of the keys in templates and figures: a variable in a key stands for one word of it."""
    for template in TEMPLATES.glob("*.html"):
        tree = Environment().parse(template.read_text())
        for piece in tree.find_all((nodes.Concat, nodes.Const)):
            yield pattern(piece.nodes if isinstance(piece, nodes.Concat) else [piece])
    for source in Path(TEMPLATES.parent, "reports").rglob("*.py"):
        for text in ast.walk(ast.parse(source.read_text())):
            if isinstance(text, ast.JoinedStr | ast.Constant):
                yield pattern(text.values if isinstance(text, ast.JoinedStr) else [text])


def pattern(parts: Sequence[object]) -> str:
    values = [getattr(part, "value", None) for part in parts]
    if not re.match(r"[a-z_]+\.", str(values[0])):
        return ""
    return "".join(re.escape(value) if isinstance(value, str) else "[^.]+" for value in values)


def test_every_sentence_is_used_by_a_template_or_a_figure() -> None:
    asked = re.compile(rf"(?:{'|'.join(set(keys_asked_for()))})(?:\.one|\.other)?")
    assert [key for key in strings() if not asked.fullmatch(key)] == []


def test_folder_that_is_not_a_case_gets_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not a case.*run `driverprint analyze` first"):
        build_report(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{", "\x00"])
def test_broken_run_record_gets_one_clear_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(UserError, match=r"run\.json"):
        build_report(tmp_path)


def test_broken_table_is_named(fresh: Path) -> None:
    CaseBuilder().known("A", 1).write(fresh)
    (fresh / "scores.parquet").write_bytes(b"PAR1 not really")
    with pytest.raises(UserError, match=r"scores\.parquet is not a scores table"):
        build_report(fresh)


def test_failed_build_leaves_the_old_report(fresh: Path) -> None:
    build_report(CaseBuilder().known("A", 1).write(fresh))
    before = (fresh / "report.html").read_bytes()
    (fresh / "scores.parquet").write_bytes(b"no")
    with pytest.raises(UserError):
        build_report(fresh)
    assert (fresh / "report.html").read_bytes() == before
    assert not list(fresh.glob("*.part"))


def test_many_videos_move_to_pages_of_their_own(fresh: Path) -> None:
    case = CaseBuilder(exploratory=True, pictures=False)
    for i in range(MOST_INLINE + 1):
        case.questioned(f"{i:04d}.mp4", f"d{i % 7}", clips=1)
    built = build(case, fresh)
    pages = sorted((fresh / "report-videos").glob("*.html"))
    assert len(pages) == 5
    assert 'class="video"' not in built.html
    links = {a["href"] for a in built.elements.all("a") if (a.get("href") or "").startswith("report-videos/")}
    for link in links:
        page, _, anchor = str(link).partition("#")
        anchor = anchor or "main"
        assert f'id="{anchor}"' in (fresh / page).read_text()
    case.videos = case.videos[:3]
    for shard in [*fresh.glob("*/*.parquet")]:
        shard.unlink()
    build(case, fresh)
    assert not list((fresh / "report-videos").glob("*.html"))


def test_statements_found_in_the_evidence_are_said_to_be_found_there(plain: Built, fresh: Path) -> None:
    """Known drivers too may be stated there, by the very people in question."""
    warning = "The case file lay in the evidence"
    case = CaseBuilder().known("Ada", 2).questioned("q.mp4", "Ada")
    for lies_in_evidence in (True, False):
        case.run["case_file"] = {"lies_in_evidence": lies_in_evidence, "sha256": "ab" * 32}
        assert (warning in build(case, fresh).text) == lies_in_evidence
    assert warning not in plain.text


def test_redacted_copy_holds_no_name_and_no_picture(fresh: Path) -> None:
    case = plain_case()
    case.run["not_searched"] = [{"path": "notes.txt", "reason": "notes.txt is not a video"}]
    case.run["conflicts"] = [
        {"evidence_id": "00", "paths": ["questioned/call-01.mp4"], "reason": "Amara and Boris"}
    ]
    case.run["changed"] = [
        {"path": "questioned/call-02.mp4", "evidence_id": "00", "reason": "Amara's file was written to"}
    ]
    build_report(case.write(fresh), redact=True)
    built = Built(fresh)
    names = (
        {v.path for v in case.videos}
        | {v.identity for v in case.videos if v.identity}
        | {"Grace", "A. Examiner"}
    )
    names |= {"K-2026/117", "Recorded interview", "call-01"}
    for text in (built.html, figures_json(fresh, redact=True)):
        assert [n for n in names if n in text] == []
    assert built.elements.all("img") == []
    assert "Redacted copy" in built.text
    open_copy = json.loads(figures_json(fresh))
    closed = json.loads(figures_json(fresh, redact=True))
    for mine, theirs in zip(open_copy["separations"], closed["separations"], strict=True):
        assert mine["mean_auc"] == pytest.approx(theirs["mean_auc"])
    assert [q["n_usable"] for q in open_copy["questioned"]] == [q["n_usable"] for q in closed["questioned"]]


def test_names_that_differ_in_their_spelling_alone_are_told(fresh: Path) -> None:
    """Claimed driver Anna, folder known/anna: "not among the known", said the report and nothing else."""
    case = CaseBuilder(pictures=False).known("anna b", 2).known("zoe", 2)
    case.questioned("call.mp4", "zoe", claimed_driver="Anna_B")
    case.write(fresh)
    text = Built(build_report(fresh).parent).text
    told = text.index("Names that differ in their spelling alone")
    assert told < text.index("At a glance")
    assert "Anna_B, anna b" in text[told:]
    closed = Built(build_report(fresh, redact=True).parent).text
    assert "person 1, person 2" in closed[closed.index("Names that differ in their spelling alone") :]
    assert spelt_alike(["zoe", "zo\u00eb", "Zoe\u3164", "\uff3aoe", "zo-e"]) == (
        ("Zoe\u3164", "zoe", "\uff3aoe"),
    )


def test_redacted_copy_puts_no_proposition_in_the_place_of_the_one_it_withholds(fresh: Path) -> None:
    """A likelihood ratio against a brother is not one against some other person."""
    case = plain_case()
    case.run["case"] = {"propositions": {"same": None, "different": "It was driven by a brother."}}
    case.write(fresh)
    text = Built(build_report(fresh, redact=True).parent).text
    assert re.search(r"Different-driver proposition ?withheld ", text)
    assert "driven by some other person" not in text
    assert "brother" not in text
    assert "driven by the named known person" in text


def test_report_of_two_hundred_videos_stays_below_fifteen_megabytes(fresh: Path) -> None:
    case = exploratory_case(groups=4, each=50)
    built = build(case, fresh)
    assert len(built.figures["videos"]) == 200
    assert 'class="video"' in built.html
    assert built.path.stat().st_size < 15_000_000
