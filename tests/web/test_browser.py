"""The page in a real browser, as a person uses it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest

from headroom.memory import UserMemory

from .browser import DESKTOP, PHONE, axe, browser, serious_findings
from .past import ASKED, HELD, PAST
from .serving import Client, served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page

PAGES = ("/", "/?q=backend", "/time", "/time?at=60&compare=1", "/turns", "/review", "/overview", "/nothing-here")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser() as started:
        yield started


@pytest.fixture
def client(memory: UserMemory) -> Iterator[Client]:
    with served(memory) as opened:
        yield opened


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser profile of this test's own."""
    opened = chromium.new_context(viewport=DESKTOP)  # type: ignore[arg-type]
    opened.set_default_timeout(60_000)
    yield opened
    opened.close()


@pytest.fixture
def page(context: BrowserContext, client: Client) -> Iterator[Page]:
    """The list of memories, opened by the printed link; at the end nothing may have gone wrong in the browser."""
    opened = context.new_page()
    troubles: list[str] = []
    hosts: set[str] = set()
    opened.on("console", lambda said: troubles.append(said.text) if _is_trouble(said) else None)
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    opened.goto(client.server.link)
    opened.wait_for_url(f"{client.server.address}/")
    yield opened
    assert troubles == []
    assert hosts == {client.host}


def _is_trouble(said: ConsoleMessage) -> bool:
    """Return whether the browser complains; that a wrong form was answered with status 400 is as it should be."""
    return said.type in ("error", "warning") and "status of 400" not in said.text


def visit(page: Page, name: str) -> None:
    """Follow the navigation, until the other page is there with its scripts."""
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(f"**/{name.lower()}")


def one_by_text(page: Page, text: str) -> None:
    """Open the memory that has this text."""
    page.get_by_role("link", name=text).click()
    page.wait_for_url("**/memories/*")


def test_the_link_leads_to_the_memories(page: Page) -> None:
    """The printed link shows the newest memories, grouped by day, and the address holds no token."""
    assert page.get_by_role("link", name=PAST[-1].text).is_visible()
    assert (
        page.get_by_role("heading", name="Today").is_visible()
        or page.get_by_role("heading", name="Yesterday").is_visible()
    )
    assert "token" not in page.url


def test_searching_while_typing(page: Page) -> None:
    """The list follows what is typed, with the parts of each score, and the address can be kept."""
    page.keyboard.press("/")
    page.keyboard.type("peanuts")
    page.get_by_text("nearest").wait_for()
    assert "peanuts" in page.locator("#found .memory").first.inner_text()
    assert page.locator("#found svg.bar").count() > 0
    assert "q=peanuts" in page.url
    page.reload()
    assert page.get_by_role("searchbox").input_value() == "peanuts"


def test_filtering(page: Page) -> None:
    """A filter leaves what fits it, at once, and can be taken back."""
    page.get_by_label("Saved by").select_option("cursor")
    page.wait_for_url("**agent=cursor**")
    page.locator("#found .memory").nth(2).wait_for(state="detached")
    shown = page.locator("#found .memory").all_inner_texts()
    assert len(shown) == 2
    assert all("cursor" in text for text in shown)
    page.get_by_label("Origin").select_option("file")
    page.locator("#found .memory").nth(1).wait_for(state="detached")
    page.get_by_role("link", name="Show all").click()
    page.locator("#found .memory").nth(10).wait_for()


def test_a_memory_shows_its_past(page: Page) -> None:
    """Versions with what changed in them, sources, relations and metadata stand under the text."""
    one_by_text(page, PAST[13].text)
    assert page.locator(".versions li").count() == 3
    assert page.locator(".versions del").first.inner_text() == "Go"
    assert page.locator(".versions ins").first.inner_text() == "Rust"
    assert "prefers" in page.locator(".relations").inner_text()
    assert "atlas" in page.locator(".details").inner_text()


def test_what_was_said_twice_names_both(page: Page) -> None:
    """Each source is listed with who said it."""
    one_by_text(page, PAST[2].text)
    assert page.locator(".sources li").count() == 2


def test_editing_makes_a_version(page: Page, memory: UserMemory) -> None:
    """The new text is shown and the old one is history."""
    one_by_text(page, PAST[3].text)
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("New version").fill("Allergic to peanuts, no longer to sesame")
    page.get_by_role("button", name="Save").click()
    page.get_by_text("The new version is saved").wait_for()
    assert page.locator(".versions li").count() == 2
    assert "Allergic to peanuts, no longer to sesame" in {record.content for record in memory.get_all()}


def test_an_edit_that_cannot_be_saved_is_kept_in_the_form(page: Page) -> None:
    """A text that is too long is refused in words, beside what was typed."""
    one_by_text(page, PAST[3].text)
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("New version").fill("long " * 30_000)
    with page.expect_response(lambda answer: answer.status == 400):
        page.get_by_role("button", name="Save").click()
    assert page.locator("#problem").is_visible()
    assert page.get_by_label("New version").input_value().startswith("long long")


def test_forgetting_can_be_undone(page: Page, memory: UserMemory) -> None:
    """A forgotten memory is in no list, and one press brings it back."""
    one_by_text(page, PAST[10].text)
    page.get_by_role("button", name="Forget").click()
    page.get_by_text("no search finds it").wait_for()
    assert PAST[10].text not in {record.content for record in memory.get_all()}
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("It is remembered again").wait_for()
    assert PAST[10].text in {record.content for record in memory.get_all()}


def test_erasing_asks_first(page: Page, memory: UserMemory) -> None:
    """Erasing goes over a page that says what goes, and can be left; then nothing of the text is left."""
    one_by_text(page, PAST[13].text)
    page.get_by_role("link", name="Erase for good").click()
    page.get_by_role("link", name="Keep it").click()
    page.get_by_role("link", name="Erase for good").click()
    assert "2 earlier versions" in page.locator("main").inner_text()
    page.get_by_role("button", name="Erase for good").click()
    page.get_by_text("Erased").wait_for()
    assert not any("millisecond" in record.content for record in memory.get_all())


def test_erasing_everything_wants_the_name(page: Page, memory: UserMemory) -> None:
    """A wrong name erases nothing; the right one everything."""
    visit(page, "Overview")
    page.get_by_text("Erase everything…").click()
    page.get_by_label("To be sure").fill("bob")
    with page.expect_response(lambda answer: answer.status == 400):
        page.get_by_role("button", name="Erase everything for good").click()
    page.get_by_text("nothing was erased").wait_for()
    assert memory.stats()["total"] > 0
    page.get_by_label("To be sure").fill("alice")
    page.get_by_role("button", name="Erase everything for good").click()
    page.get_by_text("Nothing is remembered yet").wait_for()
    assert memory.stats()["total"] == 0


def test_travelling_in_time_by_keyboard(page: Page) -> None:
    """The slider moves by the arrow keys, says its day, and shows what was known then."""
    visit(page, "Time")
    slider = page.get_by_role("slider", name="The day to look at")
    slider.focus()
    page.keyboard.press("Home")
    page.get_by_text("1 memory was known").wait_for()
    assert PAST[0].text in page.locator("#then").inner_text()
    named = slider.get_attribute("aria-valuetext")
    assert named == page.locator(".when h2").inner_text()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    page.get_by_text("2 memories were known").wait_for()
    page.keyboard.press("End")
    page.get_by_text("16 memories were known").wait_for()


def test_searching_the_past(page: Page) -> None:
    """A search on the page of a past day finds what was known then, in its words of then."""
    visit(page, "Time")
    page.get_by_role("slider", name="The day to look at").fill("15")
    page.get_by_text("3 memories were known").wait_for()
    page.get_by_role("searchbox").fill("which language for backend work")
    page.get_by_text("these fit best").wait_for()
    first = page.locator(".then li").first.inner_text()
    assert PAST[1].text in first
    assert "changed since" in first


def test_comparing_two_days(page: Page, client: Client) -> None:
    """Between two days each memory was added, changed or gone, and a change shows its words."""
    visit(page, "Time")
    page.get_by_role("slider", name="The day to look at").fill("100")
    page.get_by_label("Compare with another day").check()
    page.get_by_text("2 changed").wait_for()
    changes = page.locator(".changes")
    assert changes.locator(".turned del").first.inner_text() in ("Tuesdays", "types everywhere")
    assert changes.locator(".came").count() > 3
    assert not changes.locator(".came").get_by_text(PAST[13].text).count()


def test_reviewing(page: Page, memory: UserMemory) -> None:
    """A held fact can be rejected, or edited and accepted; only then is it a memory."""
    assert page.get_by_role("link", name="Review 2 waiting").is_visible()
    page.get_by_role("link", name="Review 2 waiting").click()
    bad = page.locator("article").filter(has_text=HELD[0].text)
    bad.get_by_role("button", name="Reject").click()
    page.get_by_text("Rejected").wait_for()
    page.get_by_role("textbox").fill("Supports Python 3.10 and newer")
    page.get_by_role("button", name="Accept").click()
    page.get_by_text("Accepted").wait_for()
    present = {record.content for record in memory.get_all()}
    assert "Supports Python 3.10 and newer" in present
    assert not present & {held.text for held in HELD}


def test_turns_say_what_memory_did(page: Page) -> None:
    """Each turn shows its message if that was kept, its notes with the parts of their scores, and what it changed."""
    visit(page, "Turns")
    turns = page.locator("article.turn")
    assert turns.count() == 3
    assert ASKED in turns.nth(0).inner_text()
    assert turns.nth(0).locator(".notes li").count() == 3
    assert turns.nth(0).locator(".notes svg rect").count() >= 8
    assert "Nothing in memory fitted" in turns.nth(1).inner_text()
    assert PAST[12].text in turns.nth(2).locator(".went").inner_text()


def test_exporting(page: Page, tmp_path: Path) -> None:
    """The export is one file of JSON lines with every text in it."""
    visit(page, "Overview")
    with page.expect_download() as started:
        page.get_by_role("link", name="Export").click()
    started.value.save_as(tmp_path / "export.jsonl")
    text = (tmp_path / "export.jsonl").read_text(encoding="utf-8")
    assert all(said.text in text for said in PAST)


def test_without_scripts(chromium: Browser, client: Client) -> None:
    """Search, filters and time work as plain forms if the browser runs no script."""
    plain = chromium.new_context(java_script_enabled=False)
    try:
        page = plain.new_page()
        page.goto(client.server.link)
        page.wait_for_url(f"{client.server.address}/")
        page.get_by_role("searchbox").fill("cello")
        page.get_by_role("button", name="Search").click()
        assert "cello" in page.locator("#found .memory").first.inner_text()
        visit(page, "Time")
        assert page.get_by_role("button", name="Show").is_visible()
    finally:
        plain.close()


def test_hostile_text_stays_text(page: Page, memory: UserMemory) -> None:
    """Markup in a memory, its entities and its metadata is shown and never run."""
    attack = "</script><img src=x onerror=alert(1)><script>alert(2)</script>{{ 7 * 7 }}"
    memory.add(attack, entities=['"><b>x'], metadata={"<i>k": "<svg onload=alert(3)>"})
    page.reload()
    one_by_text(page, attack)
    assert page.locator("blockquote").inner_text() == attack
    assert "<svg onload=alert(3)>" in page.locator(".details").inner_text()
    assert page.locator("main img, main script").count() == 0


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_accessible(
    chromium: Browser, client: Client, memory: UserMemory, scheme: str, size: dict[str, int]
) -> None:
    """On every page axe-core has no serious finding and nothing scrolls sideways."""
    source = axe()
    client.enter()
    opened = chromium.new_context(viewport=size, color_scheme=scheme)  # type: ignore[arg-type]
    try:
        name, _, value = client.cookie.partition("=")
        opened.add_cookies([{"name": name, "value": value, "url": client.server.address}])
        page = opened.new_page()
        found = {}
        one = next(record for record in memory.get_all() if record.content == PAST[13].text)
        for path in (*PAGES, f"/memories/{one.id}", f"/memories/{one.id}/erase"):
            page.goto(client.server.address + path)
            found[path] = serious_findings(page, source)
            wide = page.evaluate("document.scrollingElement.scrollWidth - window.innerWidth")
            assert wide <= 0, path
        assert {path: findings for path, findings in found.items() if findings} == {}
    finally:
        opened.close()


def test_it_is_used_by_keyboard(page: Page) -> None:
    """The first stop is the link past the navigation; from there all is reached, and each stop can be seen."""
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.type") == "search"
    stops = set()
    for _ in range(12):
        page.keyboard.press("Tab")
        stops.add(page.evaluate("document.activeElement.outerHTML"))
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    assert len(stops) >= 12
