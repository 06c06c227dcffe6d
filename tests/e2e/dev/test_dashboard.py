"""The dashboard in a real browser, behind the real nginx with its content security policy."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from tests.e2e.support.stack import Stack

pytestmark = [pytest.mark.engine, pytest.mark.docker]

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)

#: Milliseconds: the promise of the README.
DONE_WITHIN = 5_000

ARGUMENTS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Visit:
    """A page, and what its console said."""

    page: Page
    said: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    # Chromium has no sandbox for root.
    arguments = [*ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
        yield browser
        browser.close()


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def visit(request: pytest.FixtureRequest, browser: Browser, stack: Stack) -> Iterator[Visit]:
    page = browser.new_page(viewport=request.param)
    visit = Visit(page)
    # A refused script, style or connection is an error in the console as well.
    page.on(
        "console", lambda message: visit.said.append(message.text) if message.type in ("error", "warning") else None
    )
    page.on("pageerror", lambda error: visit.said.append(str(error)))
    page.on("requestfailed", lambda request: visit.said.append(f"{request.url} {request.failure}"))
    page.goto(stack.url)
    expect(page.locator("#connection")).to_have_attribute("data-state", "open")
    yield visit
    page.close()


def add(page: Page, title: str) -> Locator:
    """Adds a task; returns its entry. No other has the same words in it."""
    title = f"{title} {secrets.token_hex(4)}"
    page.locator("#title").fill(title)
    page.locator("#add").click()
    return page.locator("#tasks > li", has_text=title).first


def test_a_task_is_added_and_becomes_done_before_ones_eyes(visit: Visit) -> None:
    page = visit.page
    task = add(page, "watch this in a browser")
    expect(task).to_have_attribute("data-status", "done", timeout=DONE_WITHIN)
    assert visit.said == []


def test_similar_tasks_are_shown(visit: Visit) -> None:
    page = visit.page
    for title in ("paint the garden fence", "paint the garden gate"):
        task = add(page, title)
        expect(task).to_have_attribute("data-status", "done", timeout=DONE_WITHIN)
    task.locator("> button").click()
    expect(task.locator(".similar > li").first).to_contain_text("paint the garden")
    expect(task.locator(".similar .similarity").first).to_have_text(re.compile("^-?[0-9]{1,3} % similar$"))
    assert visit.said == []


def test_version_and_slot_are_shown(visit: Visit, stack: Stack) -> None:
    expect(visit.page.locator("#version")).to_have_text(f"0.1.0 · {stack.slot()}")
    expect(visit.page.locator("#version")).to_have_attribute("title", re.compile("built at commit [0-9a-f]{7,}"))


def test_a_bad_title_is_explained_in_place(visit: Visit, stack: Stack) -> None:
    page = visit.page
    with stack.client() as client:
        before = client.get("/api/tasks").json()["items"]
        page.locator("#title").fill("   ")
        page.locator("#add").click()
        expect(page.locator("#error")).to_be_visible()
        assert client.get("/api/tasks").json()["items"] == before


def test_nothing_is_wider_than_the_screen(visit: Visit) -> None:
    # With the words that `add` puts after it: 500 characters, the longest title there is.
    task = add(visit.page, "x" * 491)
    expect(task).to_have_attribute("data-status", "done", timeout=DONE_WITHIN)
    assert visit.page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_markup_in_a_title_is_text(visit: Visit) -> None:
    expect(add(visit.page, "<img src=x onerror=alert(1)>")).to_contain_text("<img src=x")
    assert visit.said == []


def test_it_reconnects(visit: Visit, stack: Stack) -> None:
    page = visit.page
    stack.container("api").restart()
    expect(page.locator("#connection")).to_have_attribute("data-state", "open", timeout=30_000)
    task = add(page, "after the restart")
    expect(task).to_have_attribute("data-status", "done", timeout=30_000)
