"""Stands between an operator and the real API server, and spoils what it is asked to.

Every request is passed to the real server unless it is refused here, so that what comes back is
what the real one says. It counts what was asked, which shows a loop that does not back off.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from yarl import URL

_HOP_BY_HOP = frozenset({"connection", "host", "content-length", "transfer-encoding"})
_EXPIRED = {
    "kind": "Status",
    "status": "Failure",
    "reason": "Expired",
    "code": 410,
    "message": "too old resource version",
}


@dataclass(frozen=True)
class Trouble:
    """What goes wrong: a ``share`` of the requests is answered with one of ``statuses``, with
    ``retry_after`` (seconds) if given; each request waits ``delay`` seconds first; watches are told
    that they are too old."""

    share: float = 0.0
    statuses: tuple[int, ...] = (500,)
    retry_after: int | None = None
    delay: float = 0.0
    expire_watches: bool = False


@dataclass(frozen=True)
class Seen:
    """One request that came, and how it was answered."""

    at: float
    verb: str
    path: str
    status: int
    spoiled: bool

    @property
    def is_lease(self) -> bool:
        """Whether it was about the lease."""
        return "/leases" in self.path


class ApiProxy:
    """A proxy on a port of its own, in a thread of its own, while the context is open."""

    def __init__(self, server: str, authority: Path) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.seen: list[Seen] = []
        self._server = server
        self._trust = ssl.create_default_context(cafile=str(authority))
        self._trouble = Trouble()
        self._dice = random.Random(1)
        self._open: set[asyncio.Transport] = set()
        self._watches: set[web.StreamResponse] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="api proxy")

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def kubeconfig(self, original: Path, folder: Path) -> Path:
        """A kubeconfig like another one, whose requests come here."""
        document = json.loads(original.read_text())
        document["clusters"][0]["cluster"] = {"server": self.url}
        path = folder / "proxied.kubeconfig"
        path.write_text(json.dumps(document))
        path.chmod(0o600)
        return path

    def spoil(self, trouble: Trouble) -> None:
        """Begin with a failure; it takes the place of that before."""
        self._trouble = trouble

    def heal(self) -> None:
        """Let everything through again."""
        self._trouble = Trouble()

    def cut(self) -> None:
        """Cut every connection that is open now, watches among them."""
        self._do(self._cut())

    @property
    def has_watch(self) -> bool:
        """Whether a watch is open."""
        return bool(self._watches)

    def inject(self, line: bytes) -> None:
        """Write something into every watch that is open now, in the midst of a line or not."""
        self._do(self._inject(line))

    def seen_since(self, mark: float) -> list[Seen]:
        """The requests after a moment of the monotonic clock, those about the lease left out."""
        return [each for each in list(self.seen) if each.at >= mark and not each.is_lease]

    # -- in the thread -------------------------------------------------------------------------

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        doing: Future[None] = asyncio.run_coroutine_threadsafe(work, self._loop)
        doing.result(timeout=30)

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._trust, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=2**24)
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def _stop(self) -> None:
        await self._cut()
        await self._runner.cleanup()
        await self._session.close()
        left = asyncio.all_tasks() - {asyncio.current_task()}
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        await asyncio.sleep(0.1)  # connections with TLS need some turns of the loop to be closed

    async def _cut(self) -> None:
        for transport in list(self._open):
            transport.abort()

    async def _inject(self, line: bytes) -> None:
        for watch in list(self._watches):
            with suppress(ConnectionError):
                await watch.write(line)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        trouble = self._trouble
        transport = request.transport
        if transport is not None:
            self._open.add(transport)
        note = self._noted(request)
        try:
            if trouble.delay:
                await asyncio.sleep(trouble.delay)
            if trouble.expire_watches and "watch" in request.query:
                note(200, True)
                event = {"type": "ERROR", "object": {"apiVersion": "v1", **_EXPIRED}}
                return web.json_response(event)
            if trouble.share and self._dice.random() < trouble.share:
                return self._refuse(trouble, note)
            return await self._pass_on(request, note)
        finally:
            if transport is not None:
                self._open.discard(transport)

    def _noted(self, request: web.Request) -> Callable[[int, bool], None]:
        begin = time.monotonic()

        def note(status: int, spoiled: bool) -> None:
            self.seen.append(Seen(begin, request.method, request.path, status, spoiled))

        return note

    def _refuse(self, trouble: Trouble, note: Callable[[int, bool], None]) -> web.Response:
        status = self._dice.choice(trouble.statuses)
        note(status, True)
        wait = {} if trouble.retry_after is None else {"Retry-After": str(trouble.retry_after)}
        return web.Response(status=status, text="spoiled by the test", headers=wait)

    async def _pass_on(
        self, request: web.Request, note: Callable[[int, bool], None]
    ) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        url = f"{self._server}{request.raw_path}"
        timeout = aiohttp.ClientTimeout(total=None)
        try:
            asked = self._session.request(
                request.method,
                URL(url, encoded=True),
                headers=headers,
                data=await request.read() or None,
                timeout=timeout,
            )
            async with asked as upstream:
                note(upstream.status, False)
                kept = {k: v for k, v in upstream.headers.items() if k.lower() not in _HOP_BY_HOP}
                answer = web.StreamResponse(status=upstream.status, headers=kept)
                await answer.prepare(request)
                if "watch" in request.query:
                    self._watches.add(answer)
                try:
                    async for chunk in upstream.content.iter_any():
                        await answer.write(chunk)
                    await answer.write_eof()
                finally:
                    self._watches.discard(answer)
                return answer
        except (aiohttp.ClientError, ConnectionError):
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPBadGateway(text="the API server is away") from None
