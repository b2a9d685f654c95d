"""The web server: its addresses, what every answer carries, and errors as pages.

Every answer forbids scripts, styles and frames from elsewhere; a script in a page runs nowhere, as
all are files of ours. A form or a call that changes something is refused unless it comes from a
page of this site: the cookies are ``SameSite=Strict``, and the request's origin is compared, too.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable
from importlib.resources import files
from time import monotonic
from typing import Final
from urllib.parse import urlsplit

import grpc
import grpc.aio
from aiohttp import web

from trainingrun_league.errors import (
    Conflict,
    Exhausted,
    InvalidRequest,
    LeagueError,
    NotFound,
    NotPermitted,
    Unavailable,
)
from trainingrun_league.server.tokens import TokenKey
from trainingrun_league.web import operations, pages, playing
from trainingrun_league.web.context import CONTEXT, Context
from trainingrun_league.web.operations import TOKENS, is_operators
from trainingrun_league.web.playing import TRAFFIC, Traffic
from trainingrun_league.web.silence import CHECK_SECONDS, Silence

MOST_BODY_BYTES: Final = 64 << 10
_READS: Final = frozenset({"GET", "HEAD"})
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
        " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Server": "trainingrun-league",
}
_STATIC: Final = {
    "league.css": "text/css",
    "game.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_OF_CODES: Final = {
    grpc.StatusCode.NOT_FOUND: NotFound,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidRequest,
    grpc.StatusCode.FAILED_PRECONDITION: Conflict,
    grpc.StatusCode.ALREADY_EXISTS: Conflict,
    grpc.StatusCode.PERMISSION_DENIED: NotPermitted,
    grpc.StatusCode.RESOURCE_EXHAUSTED: Exhausted,
    grpc.StatusCode.UNAVAILABLE: Unavailable,
    grpc.StatusCode.DEADLINE_EXCEEDED: Unavailable,
}
_TITLES: Final[dict[type[LeagueError], tuple[int, str]]] = {
    NotFound: (404, "There is nothing here"),
    InvalidRequest: (400, "That cannot be read"),
    Conflict: (409, "Not now"),
    NotPermitted: (403, "Not yours"),
    Exhausted: (429, "Too much at once"),
    Unavailable: (503, "A part of the league cannot be reached"),
}

SILENCE: Final = web.AppKey("silence", Silence)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_log = logging.getLogger(__name__)


class Site:
    """The web server of a league."""

    def __init__(self, context: Context, tokens: TokenKey) -> None:
        app = new_app(context, tokens)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False)
        self._silence = app[SILENCE]
        self._checks: asyncio.Task[None] | None = None

    async def start(self, host: str, port: int, tls: ssl.SSLContext | None) -> int:
        """Listen, and return the port.

        Raises:
            Unavailable: the port cannot be had.
        """
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port, ssl_context=tls, shutdown_timeout=2.0)
        try:
            await site.start()
        except OSError as error:
            raise Unavailable(
                f"the web page cannot be served on {host}:{port}: {error.strerror}; choose another"
                " port with --web-port"
            ) from error
        self._checks = asyncio.get_running_loop().create_task(self._end_silent())
        return int(self._runner.addresses[0][1])

    async def _end_silent(self) -> None:
        """End connections on which no request comes, until cancelled."""
        while (server := self._runner.server) is not None:
            self._silence.end_silent(server.connections, monotonic())
            await asyncio.sleep(CHECK_SECONDS)

    async def close(self) -> None:
        """Serve no longer."""
        if self._checks is not None:
            self._checks.cancel()
        await self._runner.cleanup()


def new_app(context: Context, tokens: TokenKey) -> web.Application:
    """Return the application; ``tokens`` are those that the operator shows."""
    app = web.Application(
        middlewares=[_heard, _headers, _errors, _same_site], client_max_size=MOST_BODY_BYTES
    )
    app[CONTEXT] = context
    app[TRAFFIC] = Traffic()
    app[SILENCE] = Silence()
    app.add_routes(pages.routes)
    app.add_routes(playing.routes)
    app[TOKENS] = tokens
    app.add_routes(operations.routes)
    app.router.add_get("/static/{name}", _static)
    app.router.add_get("/healthz", _healthy)
    return app


@web.middleware
async def _heard(request: web.Request, handler: Handler) -> web.StreamResponse:
    request.app[SILENCE].hear(request.protocol)
    return await handler(request)


@web.middleware
async def _headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        response = await handler(request)
    except web.HTTPException as error:
        error.headers.update(_HEADERS)
        raise
    if not response.prepared:
        response.headers.update(_HEADERS)
        response.headers.setdefault("Cache-Control", "no-store")
    return response


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except LeagueError as error:
        return _problem(request, error)
    except grpc.aio.AioRpcError as error:
        kind = _OF_CODES.get(error.code())
        if kind is None:
            _log.warning("%s: %s: %s", request.path, error.code().name, error.details())
            kind = Unavailable
        text = error.details() or "" if kind is not Unavailable else "Try again in a moment."
        return _problem(request, kind(text))
    except web.HTTPNotFound:
        return _problem(request, NotFound("No page has this address."))
    except web.HTTPException:
        raise
    except Exception:  # the top of a request
        _log.exception("%s %s failed", request.method, request.path)
        return _problem(request, Unavailable("This is a bug of the league: its log says more."))


@web.middleware
async def _same_site(request: web.Request, handler: Handler) -> web.StreamResponse:
    if is_operators(request):  # by a token that no browser has
        return await handler(request)
    if request.method not in _READS and not _is_of_this_site(request):
        raise NotPermitted("The request comes from another site.")
    return await handler(request)


def _is_of_this_site(request: web.Request) -> bool:
    """Say whether a request comes from a page of ours: browsers name its origin."""
    origin = request.headers.get("Origin")
    return origin is not None and urlsplit(origin).netloc == request.host


def _problem(request: web.Request, error: LeagueError) -> web.Response:
    status, title = _TITLES.get(type(error), (500, "Something is wrong"))
    if request.path.endswith("/actions") or is_operators(request):
        return web.json_response({"problem": str(error)}, status=status)
    values = {"title": title, "text": str(error)}
    return request.app[CONTEXT].page(request, "problem.html", values, status=status)


async def _static(request: web.Request) -> web.Response:
    name = request.match_info["name"]
    if name not in _STATIC:
        raise web.HTTPNotFound
    body = files("trainingrun_league.web").joinpath("static", name).read_bytes()
    headers = {"Cache-Control": "public, max-age=300"}
    return web.Response(body=body, content_type=_STATIC[name], headers=headers)


async def _healthy(_request: web.Request) -> web.Response:
    return web.Response(text="ok")
