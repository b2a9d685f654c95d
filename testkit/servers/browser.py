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

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 30
ANSWER_SECONDS = 30


def find_browser() -> str | None:
    """The browser's path; None where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


@dataclass
class Tab:
    """One page that is open. Lists hold what was noticed since the browser began."""

    socket: aiohttp.ClientWebSocketResponse
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    loads: int = 0
    _number: int = 0
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)
    _loaded: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, method: str, **parameters: Any) -> Any:
        """Call a method of the protocol; gives its result."""
        self._number += 1
        answer = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._number, "method": method, "params": parameters})
        async with asyncio.timeout(ANSWER_SECONDS):
            return await answer

    async def open(self, file: Path) -> None:
        """Load a file, whose path is absolute, and wait until it is."""
        self._loaded.clear()
        await self.ask("Page.navigate", url=f"file://{quote(str(file))}")
        await self.wait_for_load()

    async def wait_for_load(self) -> None:
        """Wait until a page is loaded; one that loads itself again too."""
        async with asyncio.timeout(ANSWER_SECONDS):
            await self._loaded.wait()
        self._loaded.clear()

    async def wait_until(self, expression: str) -> None:
        """Wait until an expression is true in the page, over as many loads as that takes."""
        async with asyncio.timeout(ANSWER_SECONDS):
            while not await self._is_true(expression):
                await self.wait_for_load()

    async def _is_true(self, expression: str) -> bool:
        try:
            return bool(await self.value_of(expression))
        except AssertionError:  # the page was being left: its load is still to come
            return False

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
        elif method == "Page.loadEventFired":
            self.loads += 1
            self._loaded.set()


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
    async with asyncio.timeout(START_SECONDS):
        while True:
            assert process.poll() is None, "the browser did not start"
            port = _written(file)
            if port is not None:
                return port
            await asyncio.sleep(0.05)
