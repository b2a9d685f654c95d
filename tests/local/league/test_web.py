"""The pages of a league: a person plays a whole game in a real browser, and hostile requests."""

from __future__ import annotations

import asyncio
import http.client
import json
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from trainingrun_contracts.league.v1.game_pb2 import RecordedGame, RecordGamesRequest
from trainingrun_contracts.league.v1.game_pb2_grpc import GameServiceStub

from testkit.league.league_process import LeagueProcess
from testkit.league.worker_process import WorkerProcess, board_model, publish
from testkit.ports import free_port
from testkit.servers.browser import Tab, browser, find_browser
from testkit.waiting import until

BROWSER = find_browser()
PAGES = ("/", "/play", "/games", "/models", "/matrix", "/tournaments")
WIDER = """
[...document.querySelectorAll("body *")].filter((each) =>
  !each.closest(".scroll") && !each.closest("nav") && each.getClientRects().length
  && each.getBoundingClientRect().right > innerWidth + 1).map((each) => each.outerHTML.slice(0, 80))
"""
GAME_IS_SHOWN = """
location.pathname.startsWith("/games/") && document.getElementById("status") !== null
"""
CHOOSE = """
(() => {
  const found = document.querySelector("button.legal[data-action]");
  if (found) found.click();
  const status = document.getElementById("status").textContent;
  return ["You win", "You lose", "Drawn"].some((each) => status.startsWith(each)) && status;
})()
"""


@dataclass
class Client:
    """Requests as a program makes them that is no browser, with the cookies that it was given."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self, method: str, path: str, body: str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], str]:
        """Return status, headers and text of an answer; redirections are not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"Cookie": cookie, **given})
        answer = connection.getresponse()
        for name, value in answer.getheaders():
            if name == "Set-Cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.partition(";")[0]
        text = answer.read().decode(errors="replace")
        connection.close()
        return answer.status, dict(answer.getheaders()), text

    def post(self, path: str, **values: str) -> tuple[int, dict[str, str], str]:
        """Send a form as a page of ours does."""
        return self.ask(
            "POST",
            path,
            urlencode(values),
            Content_Type="application/x-www-form-urlencoded",
            Origin=f"http://127.0.0.1:{self.port}",
        )


@pytest.fixture
def web_port() -> int:
    """The port of the pages."""
    return free_port()


@pytest.fixture
def league(tmp_path: Path, web_port: int) -> Iterator[LeagueProcess]:
    """A league with pages for people."""
    arguments = ("--web-port", str(web_port), "--set=matchmaker.pairs=2")
    with LeagueProcess(tmp_path / "league", arguments=arguments) as process:
        yield process


@pytest.fixture
def client(web_port: int, league: LeagueProcess) -> Client:
    """A program that asks for pages."""
    assert league.ready["web"].endswith(str(web_port))
    return Client(web_port)


def in_browser(tmp_path: Path, act: Callable[[Tab], Awaitable[None]]) -> Tab:
    """Do something in a fresh browser, and return what it noticed."""

    async def acted() -> Tab:
        assert BROWSER is not None
        async with browser(BROWSER, tmp_path) as tab:
            await act(tab)
            return tab

    return asyncio.run(acted())


@pytest.mark.needs("browser")
def test_a_person_plays_the_champion_and_sees_the_ladder(
    league: LeagueProcess, client: Client, tmp_path: Path
) -> None:
    """From the form to the end of the game by clicks alone, with the model's thoughts; nothing is
    asked of anywhere else, and nothing goes wrong in the page.
    """
    base = f"http://127.0.0.1:{client.port}"

    async def play(tab: Tab) -> None:
        await tab.visit(f"{base}/play?opponent=champion")
        await tab.value_of("document.getElementById('name').value = 'ada'")
        await tab.value_of("document.querySelector('main form').requestSubmit()")
        await tab.wait_until(GAME_IS_SHOWN)
        status = await tab.wait_until(CHOOSE, seconds=120)
        assert await tab.value_of("document.getElementById('thought').hidden") is False
        assert "expected" in await tab.value_of("document.getElementById('value').textContent")
        moves = await tab.value_of("document.getElementById('log').children.length")
        await tab.visit(await tab.value_of("location.href"))  # the same game, seen again
        assert await tab.value_of("document.getElementById('status').textContent") == status
        assert await tab.value_of("document.getElementById('log').children.length") == moves
        await tab.value_of("document.querySelector('[data-step=first]').click()")
        assert await tab.value_of("document.querySelectorAll('.grid .x, .grid .o').length") == 0
        for path in PAGES:
            await tab.visit(base + path)
            for width in (1200, 360):
                await tab.show(width=width)
                assert await tab.value_of(WIDER) == [], (path, width)
        await tab.visit(base)
        assert "lab/one" in await tab.value_of("document.querySelector('.hero').textContent")

    with WorkerProcess(league, tmp_path / "worker"):
        publish(league, board_model(1), simulations=8)
        until(lambda: "lab/one" in client.ask("GET", "/")[2], seconds=90, what="a champion")
        tab = in_browser(tmp_path / "browser", play)
    assert tab.errors == []
    assert {urlsplit(url).netloc for url in tab.requests} == {f"127.0.0.1:{client.port}"}


def test_every_page_forbids_what_it_does_not_need(client: Client) -> None:
    """Scripts, frames and forms of elsewhere; on error pages, too."""
    for path in (*PAGES, "/none", "/games/none", "/models/none", "/static/game.js"):
        status, headers, _ = client.ask("GET", path)
        assert status in (200, 404), path
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"


def test_requests_that_are_not_of_this_site_change_nothing(client: Client) -> None:
    """Without an origin, and with another one's, forms are refused."""
    form = urlencode({"name": "eve", "opponent": "builtin/random"})
    kind = {"Content_Type": "application/x-www-form-urlencoded"}
    for origin in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}):
        status, headers, _ = client.ask("POST", "/play", form, **kind, **origin)
        assert status == 403
        assert "Set-Cookie" not in headers


def test_a_name_is_bounded_and_never_markup(client: Client) -> None:
    """Refused with a sentence, and shown as it was written."""
    for name in ("", "x" * 25, "<script>alert(1)</script>", "a b", "\u202eada"):
        status, headers, text = client.post("/play", name=name, opponent="builtin/random")
        assert status == 400
        assert "A name has 1 to 24 letters" in text
        assert "<script>alert" not in text
        assert "Set-Cookie" not in headers
    status, _, text = client.post("/play", name="eve", opponent="model/<b>")
    assert status == 400
    assert "<b>" not in text


def test_a_person_keeps_the_name_and_no_other_gets_it(client: Client) -> None:
    """The cookie is closed to scripts and other sites; a forged one is nobody's."""
    status, headers, _ = client.post("/play", name="ada", opponent="builtin/random")
    assert status == 303
    assert "HttpOnly" in headers["Set-Cookie"]
    assert "SameSite=Strict" in headers["Set-Cookie"]
    assert "<strong>ada</strong>" in client.ask("GET", "/")[2]
    forged = Client(client.port, {"league_person": client.cookies["league_person"][:-4] + "AAAA"})
    assert "<strong>ada</strong>" not in forged.ask("GET", "/")[2]
    other = Client(client.port)
    other.post("/play", name="ada", opponent="builtin/random")
    assert other.cookies["league_person"] != client.cookies["league_person"]


def test_games_of_one_person_are_counted(client: Client) -> None:
    """After the first few, starting another one is refused for a while."""
    statuses = [client.post("/play", name="ada", opponent="builtin/random")[0] for _ in range(12)]
    assert statuses[0] == 303
    assert statuses[-1] in (409, 429)
    assert 303 not in statuses[10:]


def test_a_game_is_watched_and_moved_by_its_player_alone(
    league: LeagueProcess, client: Client
) -> None:
    """Another browser sees the board, and may not move; nonsense is refused as JSON."""
    with league.blocking("game") as channel:
        actions = [RecordedGame.Action(number=number) for number in (0, 1, 0, 1, 0, 1, 0)]
        game = RecordedGame(players=["model/<i>", "model/b"], actions=actions)
        game.players[0] = "model/a"
        made = GameServiceStub(channel).RecordGames(
            RecordGamesRequest(idempotency_key="k", games=[game])
        )
    path = f"/games/{made.game_ids[0]}"
    status, _, page = client.ask("GET", path)
    assert status == 200
    assert "drop into column 1" in page
    origin = f"http://127.0.0.1:{client.port}"
    for body, kind, expected in (
        ('{"turn": 0, "action": 0}', "application/json", 403),
        ("[" * 50_000, "application/json", 403),
        ("turn=0", "application/x-www-form-urlencoded", 400),
        ("x" * 100_000, "application/json", 403),
    ):
        status, _, text = client.ask(
            "POST", f"{path}/actions", body, Content_Type=kind, Origin=origin
        )
        assert status == expected
        assert json.loads(text)["problem"]
    forged = Client(client.port, {f"seat_{made.game_ids[0]}": "x" * 43})
    for body, expected in (('{"turn": 0, "action": 0}', 403), ("[" * 50_000, 400), ("{}", 400)):
        status, _, text = forged.ask(
            "POST", f"{path}/actions", body, Content_Type="application/json", Origin=origin
        )
        assert status == expected
        assert json.loads(text)["problem"]
    for odd in ("/games/..%2f..", "/games/%00", "/games/" + "g" * 5000, "/static/..%2fsite.py"):
        assert client.ask("GET", odd)[0] in (400, 404)
