"""The web page in a real browser: headless Chromium, where it and playwright are installed.

`pip install -e '.[browser]'` and Debian's chromium; FLAGLINT_REQUIRE_BROWSER=1 makes a missing
one a failure.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from flaglint.analysis import Request, analyse
from flaglint.cards import load_cards
from flaglint.finding import Report
from flaglint.quote import quoter
from flaglint.report import html
from tests.expectations import MINI_KERNEL
from tests.web import WEB, hostile

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ATTACK = "</script><img src=x onerror=\"document.title='owned'\"><a href='javascript:alert(1)'>"
WIDTHS = (320, 768, 1280)

Scheme = Literal["light", "dark"]


def missing(what: str) -> None:
    if os.environ.get("FLAGLINT_REQUIRE_BROWSER"):
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if importlib.util.find_spec("playwright") is None:
        missing("playwright")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - an extra

    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
    if program is None:
        missing("chromium")
    # A container's root cannot make the sandbox; what is shown here is our own.
    root = ["--no-sandbox"] if os.getuid() == 0 else []
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=root)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def mini() -> Report:
    return analyse(Request((str(MINI_KERNEL),), jobs=1), lambda what, done, total: None)


@pytest.fixture(scope="module")
def file(mini: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_bytes(html.render(mini, load_cards(), quoter(mini.root)))
    return path


class Shown:
    """A page that was opened, and what the browser had to say of it."""

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.said: list[str] = []
        self.requests: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(file.as_uri())

    def shown_rows(self) -> int:
        return int(self.page.locator("#rows > li:visible").count())


@pytest.fixture
def shown(browser: Browser, file: Path) -> Iterator[Shown]:
    context = browser.new_context(viewport={"width": 1280, "height": 900}, offline=True)
    yield Shown(context, file)
    context.close()


def test_it_is_one_file_and_the_browser_has_no_complaint(shown: Shown, file: Path) -> None:
    assert shown.requests == [file.as_uri()]
    assert shown.said == []


def test_what_the_tree_says_is_not_obeyed(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    path.write_bytes(html.render(hostile(WEB, ATTACK), load_cards(), lambda _f, _l: ATTACK))
    context = browser.new_context()
    opened = Shown(context, path)
    opened.page.wait_for_timeout(200)
    assert opened.page.title() == f"flaglint: Linux {ATTACK}"
    assert opened.page.locator("img, a[href^='javascript:']").count() == 0
    assert opened.page.locator("script").count() == 1
    assert opened.said == []
    assert opened.requests == [path.as_uri()]
    context.close()


def test_the_policy_stops_a_script_that_is_not_ours(
    browser: Browser, file: Path, tmp_path: Path
) -> None:
    path = tmp_path / "changed.html"
    body = file.read_text("utf-8").replace("</body>", "<script>document.title='x'</script></body>")
    path.write_text(body, "utf-8")
    context = browser.new_context()
    opened = Shown(context, path)
    assert opened.page.title().startswith("flaglint")
    assert any("Content Security Policy" in said for said in opened.said)
    context.close()


def test_search_and_filter(shown: Shown, mini: Report) -> None:
    page = shown.page
    every = len(mini.sites)
    assert shown.shown_rows() == every
    page.locator("#search").fill("partially_mapped huge_memory")
    some = [s for s in mini.sites if "partially_mapped" in s.helper]
    assert 0 < shown.shown_rows() == len(some) < every
    assert page.locator("#shown").inner_text() == f"{len(some)} of {every} sites"
    page.locator("input[value=racy]").uncheck()
    assert shown.shown_rows() == len([s for s in some if s.verdict != "racy"])
    page.locator("#word").select_option("head")
    assert shown.shown_rows() == 0
    assert page.locator("#no-match").is_visible()
    page.locator("#show-all").click()
    assert shown.shown_rows() == every
    assert page.locator("#shown").inner_text() == f"{every} sites"


def test_keys(shown: Shown) -> None:
    page = shown.page
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "search"
    page.keyboard.type("jk/")
    assert page.locator("#search").input_value() == "jk/"
    page.keyboard.press("Escape")
    assert page.locator("#search").input_value() == ""
    page.locator("#search").blur()
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.className").startswith("finding")


def test_a_bit_can_be_opened_by_keyboard(shown: Shown) -> None:
    page = shown.page
    cell = page.locator("#word-second a.racy").first
    target = cell.get_attribute("href")
    assert target is not None
    assert not page.locator(target).is_visible()
    cell.focus()
    page.keyboard.press("Enter")
    page.locator(f"{target}[open]").wait_for()
    assert "__folio_set_partially_mapped()" in page.locator(target).inner_text()
    # One bit of a word at a time.
    other = page.locator("#word-second a.cell").last
    other.click()
    page.locator(f"{other.get_attribute('href')}[open]").wait_for()
    assert not page.locator(target).is_visible()


def test_a_link_opens_its_row_though_it_is_filtered_away(shown: Shown) -> None:
    page = shown.page
    page.locator("input[value=racy]").uncheck()
    link = page.locator("article.error dl.facts a[href^='#site']").first
    target = link.get_attribute("href")
    assert not page.locator(str(target)).is_visible()
    link.click()
    page.locator(f"{target}[open]").wait_for()
    assert page.locator(f"{target} summary").evaluate("e => e === document.activeElement")


def test_an_address_with_a_place_opens_there(browser: Browser, file: Path) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(file.as_uri() + "#rule-FL001")
    page.locator("#rule-FL001[open]").wait_for()
    context.close()


def test_the_theme_can_be_chosen(browser: Browser, file: Path) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    cases: tuple[tuple[Scheme, int], ...] = (("light", 2), ("dark", 1))
    for scheme, choices in cases:
        context = browser.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto(file.as_uri())
        before = page.evaluate(ground)
        for _ in range(choices):
            page.locator("#theme").click()
        after = page.evaluate(ground)
        assert before != after
        page.reload()
        assert page.evaluate(ground) == after
        context.close()


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_wider_than_the_screen(browser: Browser, file: Path, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate(
        "document.querySelectorAll('details').forEach(d => { d.name = ''; d.open = true })"
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()


def test_without_scripts_all_is_there_but_the_filter(browser: Browser, file: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(file.as_uri())
    assert not page.locator("#filter").is_visible()
    assert not page.locator("#theme").is_visible()
    bit = page.locator("#word-second details.one").first
    assert bit.is_visible()
    bit.locator("> summary").click()
    assert bit.locator("ul.writers").first.is_visible()
    context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("light", 1280), ("dark", 768)])
def test_accessibility_rules_hold(browser: Browser, file: Path, scheme: Scheme, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    context = browser.new_context(
        color_scheme=scheme,
        viewport={"width": width, "height": 900},
    )
    page = context.new_page()
    page.goto(file.as_uri())
    page.evaluate(
        "document.querySelectorAll('details').forEach(d => { d.name = ''; d.open = true })"
    )
    found = axe.Axe().run(page).response
    assert len(found["passes"]) > 20
    assert [
        (rule["id"], node["html"], node["failureSummary"])
        for rule in found["violations"]
        for node in rule["nodes"][:3]
    ] == []
    context.close()
