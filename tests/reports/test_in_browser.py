"""The report in a real Chromium."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.reports.axe import axe_source
from tests.reports.conftest import Built

CHROMIUM = Path("/usr/bin/chromium")
ALL = ["plain", "calibrated", "exploratory", "empty", "hostile"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium: Any) -> Iterator[Any]:
    """Opens a report; at the end of the test it must have said nothing and asked for nothing."""
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    noise: list[str] = []
    page.on("console", lambda message: noise.append(message.text))
    page.on("pageerror", lambda error: noise.append(str(error)))

    def open_report(built: Built) -> Any:
        address = built.path.as_uri()
        page.on(
            "request", lambda r: noise.append(r.url) if not r.url.startswith((address, "data:")) else None
        )
        page.goto(address)
        return page

    yield open_report
    context.close()
    assert noise == []


@pytest.mark.parametrize("name", ALL)
def test_no_message_no_request_and_no_wide_page(
    name: str, opened: Any, request: pytest.FixtureRequest
) -> None:
    page = opened(request.getfixturevalue(name))
    for width in (320, 640, 768, 1280):  # 640: a window of 1280 at 200 % zoom
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize("name", ["plain", "calibrated", "exploratory"])
def test_narrow_screen_breaks_no_name_of_a_table_into_letters(
    name: str, opened: Any, request: pytest.FixtureRequest
) -> None:
    page = opened(request.getfixturevalue(name))
    page.set_viewport_size({"width": 320, "height": 900})
    lines = (
        "[...document.querySelectorAll('table .name')].filter(e => e.textContent.length <= 22)"
        ".map(e => [e.getClientRects().length, e.textContent]).filter(([n]) => n > 2)"
    )
    assert page.locator("table .name").count() > 3
    assert page.evaluate(lines) == []


def test_hostile_names_do_nothing_when_clicked_and_filtered(opened: Any, hostile: Built) -> None:
    page = opened(hostile)
    page.locator("thead button").first.click()
    page.locator("input[type=search]").last.fill("<img onerror")
    for heading in page.locator("#evidence thead button").all():
        heading.click()
    assert page.evaluate("window.pwned") is None


def test_column_sorts_by_number_and_keeps_empty_rows_last(opened: Any, plain: Built) -> None:
    page = opened(plain)
    table = page.locator("#results table").first
    heading = table.locator("thead th", has_text="Score")
    button = heading.locator("button")
    values = "t => [...t.tBodies[0].rows].map(r => r.cells[2].querySelector('data')?.value ?? null)"
    for order, reverse in (("ascending", False), ("descending", True)):
        button.click()
        assert heading.get_attribute("aria-sort") == order
        numbers = [v for v in table.evaluate(values) if v is not None]
        assert len(numbers) == 3
        assert numbers == sorted(numbers, key=float, reverse=reverse)


def test_row_without_a_result_sorts_by_the_column_that_is_clicked(opened: Any, plain: Built) -> None:
    """One cell for three columns stands in such a row; those behind it were taken for their neighbours."""
    page = opened(plain)
    table = page.locator("#results table").first
    table.locator("thead th", has_text="Clips used").locator("button").click()
    used = table.evaluate("t => [...t.tBodies[0].rows].map(r => [...r.cells].at(-2).dataset.sort)")
    assert len(used) == 5
    assert used == sorted(used, key=int)
    assert used[:2] == ["0", "0"]


def test_sorting_works_from_the_keyboard(opened: Any, plain: Built) -> None:
    page = opened(plain)
    heading = page.locator("#results thead th", has_text="Nearest identity")
    heading.locator("button").focus()
    page.keyboard.press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"


def test_filter_shows_matching_rows_and_counts_them(opened: Any, plain: Built) -> None:
    page = opened(plain)
    tools = page.locator("#evidence .tools").last
    rows = page.locator("#evidence table").last.locator("tbody tr")
    total = rows.count()
    tools.locator("input").fill("boris self")
    shown = [r for r in rows.all() if r.is_visible()]
    assert 0 <= len(shown) < total
    tools.locator("input").fill("call-0")
    shown = [r.inner_text() for r in rows.all() if r.is_visible()]
    assert len(shown) == 3
    assert all("call-0" in text for text in shown)
    assert tools.locator("output").inner_text() == f"3 of {total} rows"
    page.emulate_media(media="print")  # paper shows no filter, so it must show every row
    assert sum(r.is_visible() for r in rows.all()) == total
    page.emulate_media(media="screen")
    tools.locator("input").fill("")
    assert sum(r.is_visible() for r in rows.all()) == total


def test_first_tab_stop_leads_past_the_contents(opened: Any, plain: Built) -> None:
    page = opened(plain)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the report"
    page.keyboard.press("Enter")
    assert page.url.endswith("#main")


def test_reads_without_script(chromium: Any, plain: Built) -> None:
    page = chromium.new_page(java_script_enabled=False)
    page.goto(plain.path.as_uri())
    assert page.locator("#results tbody tr").count() > 0
    assert page.locator("input, thead button").count() == 0
    page.close()


@pytest.mark.parametrize("name", ["plain", "calibrated"])
def test_text_is_legible_on_its_ground_in_light_and_dark(
    name: str, chromium: Any, request: pytest.FixtureRequest
) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for every text that stands in the page (all of it is small text to us)."""
    for scheme in ("light", "dark"):
        page = chromium.new_page(color_scheme=scheme)
        page.goto(request.getfixturevalue(name).path.as_uri())
        assert page.evaluate(CONTRAST) == []
        page.close()


@pytest.mark.parametrize("name", ALL)
def test_axe_finds_no_violation(name: str, chromium: Any, request: pytest.FixtureRequest) -> None:
    source = axe_source()
    built: Built = request.getfixturevalue(name)
    for scheme in ("light", "dark"):
        page = chromium.new_page(color_scheme=scheme, viewport={"width": 1280, "height": 900})
        page.goto(built.path.as_uri())
        page.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
        page.evaluate(source)
        found = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        page.close()
        assert [(v["id"], v["impact"], v["nodes"][0]["html"][:200]) for v in found["violations"]] == []


@pytest.mark.parametrize("name", ["plain", "calibrated", "exploratory"])
def test_print_cuts_no_figure_and_no_table(
    name: str, chromium: Any, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    page = chromium.new_page()
    page.goto(request.getfixturevalue(name).path.as_uri())
    page.emulate_media(media="print")
    page.set_viewport_size({"width": 658, "height": 1000})  # 174 mm, the width of the text on A4
    too_wide = page.evaluate(
        "[...document.querySelectorAll('svg.drawn, img, svg.timeline, table')]"
        ".filter(e => e.getBoundingClientRect().right > 659).map(e => e.outerHTML.slice(0, 80))"
    )
    assert too_wide == []
    tall = page.evaluate(
        "Math.max(...[...document.querySelectorAll('figure')].map(e => e.getBoundingClientRect().height))"
    )
    assert tall < 255 / 25.4 * 96
    assert page.pdf(prefer_css_page_size=True, path=tmp_path / "report.pdf").startswith(b"%PDF")
    page.close()


# Relative luminance by WCAG; the ground is the nearest ancestor that paints one.
CONTRAST = """() => {
  const parse = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const over = (a, b) => a.slice(0, 3).map((x, i) => x * (a[3] ?? 1) + b[i] * (1 - (a[3] ?? 1)));
  const linear = v => (v /= 255) <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.map(linear); return .2126 * r + .7152 * g + .0722 * b; };
  const ground = e => {
    const c = parse(getComputedStyle(e).backgroundColor);
    if (e === document.body || (c[3] ?? 1) === 1) return c.slice(0, 3);
    return over(c, ground(e.parentElement));
  };
  const bad = [];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const text = walk.currentNode.textContent.trim(), e = walk.currentNode.parentElement;
    // Numbers inside the matrix stand on its cells, whose colours do not change with the page.
    if (!text || !e.checkVisibility() || e.closest('.sr, script, style, .skip, title, desc')) continue;
    if (e.closest('[aria-labelledby^="matrix"]')) continue;
    const style = getComputedStyle(e);
    const a = light(over(parse(e.closest('svg') ? style.fill : style.color), ground(e)));
    const b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) bad.push([e.tagName, ratio.toFixed(2), text.slice(0, 30)]);
  }
  return bad;
}"""
