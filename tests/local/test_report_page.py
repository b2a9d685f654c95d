"""The report page in a real browser: it is whole without a network, on a phone and in the dark."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest
from trainingrun.commands.report.material import Material
from trainingrun.commands.report.page import page
from trainingrun.local.files import write_atomically
from trainingrun.sdk import Event, Member

from testkit.pages.sample_report import STATUS, make_material, make_run, make_samples
from testkit.servers.browser import Tab, browser, find_browser

_T = TypeVar("_T")
BROWSER = find_browser()
pytestmark = pytest.mark.needs("browser")
LONG = "a-name-without-any-place-to-break-" * 6
CHARTS = (
    "win-rate",
    "elo",
    "loss-0",
    "loss-1",
    "games",
    "transitions",
    "queue",
    "lag",
    "daemons",
    "spent",
)
WIDER = """
[...document.querySelectorAll("body *")].filter((each) =>
  !each.closest(".scroll") && !each.closest("pre") && !each.closest("nav")
  && each.getClientRects().length
  && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 80))
"""


def long_words() -> Material:
    """A run whose words are as long as they can be."""
    cost = {"hourly": 1.5, "spent": 3.25, "currency": "EUR", "at": "2026-01-01T00:00:00Z"}
    run = make_run(LONG[:40], spec={"cost": {"daemonHourly": 1}}, **STATUS, cost=cost)
    base = make_material(run)
    return make_material(
        run,
        place=LONG,
        events=(*base.events, Event(base.now, "Problem", LONG * 3, warning=True)),
        members=(Member("daemon", LONG, ready=False, problem=LONG),),
    )


def in_browser(tmp_path: Path, read_once: Callable[[Tab], Awaitable[_T]]) -> _T:
    """Look at something in a fresh browser, in which nothing may go wrong."""

    async def looked() -> _T:
        async with browser(str(BROWSER), tmp_path) as tab:
            found = await read_once(tab)
            assert tab.errors == []
            assert [url for url in tab.requests if not url.startswith("file://")] == []
            return found

    return asyncio.run(looked())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A page of a run that is over."""
    path = tmp_path / "page.html"
    path.write_bytes(page(long_words()))
    return path


def test_charts_have_points(tmp_path: Path, file: Path) -> None:
    """Expect a line with an extent in every chart, and the page to ask for nothing but itself."""

    async def read_once(tab: Tab) -> dict[str, Any]:
        await tab.open(file)
        extents: dict[str, Any] = await tab.value_of(
            "Object.fromEntries([...document.querySelectorAll('figure[id]')].map((each) =>"
            " [each.id, each.querySelector('path.line').getTotalLength()]))"
        )
        assert tab.requests == [file.as_uri()]
        return extents

    extents = in_browser(tmp_path, read_once)
    assert set(extents) == set(CHARTS)
    assert all(extent > 100 for extent in extents.values()), extents


@pytest.mark.parametrize("width", [320, 375, 768, 1280])
def test_nothing_is_wider_than_the_screen(tmp_path: Path, file: Path, width: int) -> None:
    """Expect no sideways scrolling, with long words in every place and all tables open."""

    async def read_once(tab: Tab) -> list[Any]:
        await tab.show(width=width)
        await tab.open(file)
        await tab.value_of(
            "document.querySelectorAll('details').forEach((e) => { e.open = true; })"
        )
        sizes = "[document.documentElement.scrollWidth, innerWidth, visualViewport.scale]"
        return [await tab.value_of(sizes), await tab.value_of(WIDER)]

    (scrolled, inner, scale), wider = in_browser(tmp_path, read_once)
    assert wider == []
    assert scrolled <= inner == width
    assert scale == 1


def test_it_is_dark_where_the_reader_wants_it(tmp_path: Path, file: Path) -> None:
    """Expect the background to follow the reader's choice."""

    async def read_once(tab: Tab) -> list[str]:
        grounds = []
        for dark in (False, True):
            await tab.show(width=1280, dark=dark)
            await tab.open(file)
            ground = "getComputedStyle(document.body).backgroundColor"
            grounds.append(await tab.value_of(ground))
        return grounds

    assert in_browser(tmp_path, read_once) == ["rgb(246, 247, 249)", "rgb(14, 18, 23)"]


def test_the_pointer_and_the_keys_tell_values(tmp_path: Path, file: Path) -> None:
    """Expect the value of the point that is nearest, from the numbers that were drawn."""
    last = make_samples()[-1]

    async def read_once(tab: Tab) -> list[str]:
        await tab.show(width=1280)
        await tab.open(file)
        move = (
            "(() => { const svg = document.querySelector('#queue svg');"
            " const box = svg.getBoundingClientRect();"
            " svg.dispatchEvent(new PointerEvent('pointermove', {clientX: box.right})); })()"
        )
        await tab.value_of(move)
        told = "document.querySelector('#queue .hint').textContent"
        pointed = await tab.value_of(told)
        await tab.value_of("document.querySelector('#lag svg').focus()")
        await tab.ask(
            "Input.dispatchKeyEvent", type="rawKeyDown", key="ArrowLeft", code="ArrowLeft"
        )
        return [pointed, await tab.value_of("document.querySelector('#lag .hint').textContent")]

    pointed, keyed = in_browser(tmp_path, read_once)
    assert pointed == f"{last.elapsed / 60} minutes since\nqueued: {last.queued}"
    assert keyed.endswith("mean: 1\n95th percentile: 2")


def test_smuggled_markup_does_nothing(tmp_path: Path) -> None:
    """Expect a script in a message not to run, even where it became an element."""
    smuggled = (
        "<img src=x onerror=\"document.title='broken'\"><script>document.title='broken'</script>"
    )
    base = make_material()
    event = Event(base.now, "Problem", smuggled)
    path = tmp_path / "page.html"
    path.write_bytes(page(make_material(events=(event,), place=smuggled)))

    async def read_once(tab: Tab) -> str:
        await tab.open(path)
        title: str = await tab.value_of("document.title")
        return title

    assert in_browser(tmp_path, read_once) == "small \N{MIDDLE DOT} training run"
    path.write_bytes(path.read_bytes().replace(b"<main>", f"<main>{smuggled}".encode(), 1))

    async def refused() -> list[Any]:
        async with browser(str(BROWSER), tmp_path / "again") as tab:
            await tab.open(path)
            return [await tab.value_of("document.title"), len(tab.errors)]

    title, errors = asyncio.run(refused())
    assert title == "small \N{MIDDLE DOT} training run"
    assert errors >= 2  # the policy says so of the picture and of the scripts


def test_a_live_page_loads_itself_again_and_the_last_does_not(tmp_path: Path) -> None:
    """Expect what was written meanwhile to be seen, where the reader was, and then rest."""
    path, now = tmp_path / "page.html", datetime.now(UTC)

    async def read_once(tab: Tab) -> list[Any]:
        await tab.show(width=375)
        path.write_bytes(page(make_material(now=now), every=0.3))
        await tab.open(path)
        read = "document.querySelector('#queue details').open = true, scrollTo(0, 900)"
        await tab.wait_until(f"({read}, true)")
        over = make_run(**{**STATUS, "summary": "newer"})
        write_atomically(path, page(make_material(over, now=now)))
        await tab.wait_until("document.body.dataset.every === undefined")
        return [
            await tab.value_of("document.querySelector('.badge').textContent"),
            await tab.value_of("document.querySelector('#queue details').open"),
            await tab.value_of("Math.round(scrollY)"),
            await tab.value_of("document.body.dataset.every === undefined"),
        ]

    assert in_browser(tmp_path, read_once) == ["newer", True, 900, True]


def test_a_page_that_is_no_longer_written_says_so(tmp_path: Path) -> None:
    """Expect a live page from long ago to say that its writer has ended."""
    path = tmp_path / "page.html"
    path.write_bytes(page(make_material(), every=5))

    async def read_once(tab: Tab) -> str:
        await tab.open(path)
        told: str = await tab.value_of("document.getElementById('stale').innerText")
        return told

    assert "has not been written for" in in_browser(tmp_path, read_once)


def test_it_can_be_read_without_scripts(tmp_path: Path, file: Path) -> None:
    """Expect charts and tables where scripts are off."""

    async def read_once(tab: Tab) -> int:
        await tab.ask("Emulation.setScriptExecutionDisabled", value=True)
        await tab.open(file)
        lines: int = await tab.value_of("document.querySelectorAll('path.line').length")
        return lines

    assert in_browser(tmp_path, read_once) >= len(CHARTS)
