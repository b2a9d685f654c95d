"""A headless browser that tests steer, where one is installed: Chromium, by its own protocol."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from testkit.waiting import BUSY

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 30
ANSWER_SECONDS = 30
_LOOK_SECONDS = 0.05
_LEFT = "aPageThatIsLeft"


def find_browser() -> str | None:
    """The browser's path; None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@dataclass
class Tab:
    """One page that is open. Lists hold what was noticed since the browser began."""

    socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    _number: int = 0
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol; gives its result."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(BUSY * ANSWER_SECONDS):
            return await answer

    async def open(self, file: Path) -> None:
        """Load a file, whose path is absolute, and wait until it is."""
        await self.visit(f"file://{quote(str(file))}")

    async def visit(self, url: str) -> None:
        """Load a page and wait until it is; also where the same one was shown."""
        await self.value_of(f"window.{_LEFT} = true")
        await self.ask("Page.navigate", url=url)
        await self.wait_until(f"window.{_LEFT} === undefined")

    async def wait_until(self, expression: str, *, seconds: float = ANSWER_SECONDS) -> Any:
        """Wait until an expression is true in a page that is loaded, over as many loads as that
        takes, and return what it gives.
        """
        whole = f'document.readyState === "complete" && ({expression})'
        try:
            async with asyncio.timeout(BUSY * seconds):
                while True:
                    if found := await self._value_or_none(whole):
                        return found
                    await asyncio.sleep(_LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError(f"not within {BUSY * seconds:.0f} s: {expression}") from None

    async def _value_or_none(self, expression: str) -> Any:
        try:
            return await self.value_of(expression)
        except AssertionError:  # the page was being left: its load is still to come
            return None

    async def value_of(self, expression: str) -> Any:
        """What an expression gives in the page."""
        answer = await self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def show(self, *, width: int, dark: bool = False, height: int = 900) -> None:
        """Be a screen of this many pixels; narrow ones are phones."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.ask("Emulation.setEmulatedMedia", features=[scheme])

    async def picture(self, *, whole: bool = True) -> bytes:
        """What is shown as PNG; the whole page or what fits the screen."""
        answer = await self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    async def read(self) -> None:
        """Take in what the browser says, until it ends."""
        async for message in self.socket:
            told = json.loads(message.data)
            if "id" in told:
                self._answer(told)
            else:
                self._note(told["method"], told.get("params", {}))

    def _answer(self, told: dict[str, Any]) -> None:
        waiting = self._answers.pop(told["id"])
        if "error" in told:
            waiting.set_exception(AssertionError(str(told["error"])))
        else:
            waiting.set_result(told["result"])

    def _note(self, method: str, told: dict[str, Any]) -> None:
        if method == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.errors.append(str(told["exceptionDetails"]))
        elif method == "Log.entryAdded":
            self.errors.append(str(told["entry"]))
        elif method == "Runtime.consoleAPICalled":
            self.errors.append(str(told["args"]))


def _started(program: str, profile: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [
            program,
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--remote-debugging-port=0",
            f"--user-data-dir={profile}",
            "about:blank",
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _written(file: Path) -> int | None:
    lines = file.read_text().splitlines() if file.exists() else []
    return int(lines[0]) if lines else None


@asynccontextmanager
async def browser(program: str, folder: Path) -> AsyncIterator[Tab]:
    """A fresh browser with one tab; its profile is in the folder."""
    profile = folder / "profile"
    process = _started(program, profile)
    try:
        async with aiohttp.ClientSession() as session:
            port = await _port(process, profile / "DevToolsActivePort")
            async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                pages = [each for each in await answer.json() if each["type"] == "page"]
            async with session.ws_connect(
                pages[0]["webSocketDebuggerUrl"], max_msg_size=64 * 1024 * 1024
            ) as socket:
                tab = Tab(socket)
                reading = asyncio.create_task(tab.read())
                for domain in ("Page", "Network", "Runtime", "Log"):
                    await tab.ask(f"{domain}.enable")
                yield tab
                await socket.close()
                await reading
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await asyncio.to_thread(process.wait)


async def _port(process: subprocess.Popen[bytes], file: Path) -> int:
    """The port that the browser has chosen."""
    async with asyncio.timeout(BUSY * START_SECONDS):
        while True:
            assert process.poll() is None, "the browser did not start"
            port = _written(file)
            if port is not None:
                return port
            await asyncio.sleep(_LOOK_SECONDS)
