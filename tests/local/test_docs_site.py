"""The built documentation site, read as a person reads it: in a browser, as files, on a phone."""

import asyncio
from pathlib import Path

import pytest

from testkit.servers.browser import browser, find_browser
from testkit.tree import ROOT

SITE = ROOT / "build" / "site"
PAGES = (
    "index.html",
    "guides/slow-run.html",
    "reference/events.html",
    "reference/trainingrun.html",
    "adr/index.html",
)
PHONE = 375
OPEN_SEARCH = "document.querySelector('.md-search__button').click()"
FOCUSED = "document.activeElement.shadowRoot?.activeElement?.tagName === 'INPUT'"
FOUND = """[...document.querySelectorAll('*')].some(
  each => each.shadowRoot?.textContent.includes('Who waits for whom?'))"""

pytestmark = pytest.mark.needs("browser", "site")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_needs_no_network_and_fits_a_phone(page: str, tmp_path: Path) -> None:
    """No error, nothing from elsewhere, and no scrolling to the side."""

    async def read_once() -> None:
        async with browser(str(find_browser()), tmp_path) as tab:
            await tab.show(width=PHONE)
            await tab.open(SITE / page)
            assert await tab.value_of("document.documentElement.scrollWidth") <= PHONE
            assert tab.errors == []
            assert [each for each in tab.requests if each.startswith("http")] == []

    asyncio.run(read_once())


def test_search_finds_a_page_without_a_server(tmp_path: Path) -> None:
    """Where no worker can be started, our script stands in for it."""

    async def read_once() -> None:
        async with browser(str(find_browser()), tmp_path) as tab:
            await tab.show(width=1280)
            await tab.open(SITE / "index.html")
            await tab.value_of(OPEN_SEARCH)
            await tab.wait_until(FOCUSED)
            await tab.ask("Input.insertText", text="bottleneck")
            await tab.wait_until(FOUND)
            assert tab.errors == []

    asyncio.run(read_once())
