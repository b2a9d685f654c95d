"""What every page needs: the services, who is there, and how a page is rendered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import grpc
import grpc.aio
from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from trainingrun_contracts.plain_text import escaped

from trainingrun_league.errors import Unavailable
from trainingrun_league.peers import Peers
from trainingrun_league.web.presentation import moment, name_of
from trainingrun_league.web.sessions import Sessions

CALL_SECONDS: Final = 10.0
_PASSING: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,  # by a service of another version
    }
)
_R = TypeVar("_R")

_KEPT: Final = "\n\t\u200c\u200d"
"""Line breaks, and the joiners that scripts and emoji need."""


@dataclass(frozen=True)
class WebSettings:
    """What pages say of the league.

    Attributes:
        league: its name.
        environment: that it plays, as its spec names it.
        board: how a position is drawn: ``connect_four``, ``tic_tac_toe`` or ``cells``.
        can_search: whether there are players that search.
    """

    league: str
    environment: str
    board: str
    can_search: bool


@dataclass(frozen=True)
class Context:
    """See above."""

    settings: WebSettings
    peers: Peers
    sessions: Sessions
    clock: Callable[[], float]
    templates: Environment

    def page(
        self, request: web.Request, name: str, values: Mapping[str, Any], *, status: int = 200
    ) -> web.Response:
        """Return a page."""
        section = "/" + request.path.split("/")[1]
        text = self.templates.get_template(name).render(
            league=self.settings.league,
            environment=self.settings.environment,
            section=section,
            person=self.sessions.person(request),
            **{"notices": (), **values},
        )
        return web.Response(text=text, content_type="text/html", status=status)


CONTEXT: Final = web.AppKey("context", Context)


def _shown(value: Any) -> Any:
    """Return a text with what turns its direction or steers something shown as escapes."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return escaped(value, kept=_KEPT)
    return value


def new_templates() -> Environment:
    """Return the templates; whatever they are given is escaped."""
    found = Environment(
        loader=PackageLoader("trainingrun_league.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    found.filters |= {"player": name_of, "moment": moment, "thousands": lambda n: f"{n:,}"}
    return found


def script_data(value: Any) -> Markup:
    """Return a value for a page's script, as JSON that cannot end its element."""
    written = json.dumps(value, separators=(",", ":"), allow_nan=False)
    harmless = written.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(harmless)  # noqa: S704 - escaped in the line above


def board_of(environment: str) -> str:
    """Return how the positions of an environment are drawn, by its name alone."""
    if environment in ("connect_four", "tic_tac_toe"):
        return environment
    return "cells"  # the script falls back to text where a position has no rows of cells


async def readable(call: Callable[[], Awaitable[_R]], notices: list[str], what: str) -> _R | None:
    """Return an answer; None, with a notice to the reader, where its service cannot be reached."""
    try:
        return await call()
    except Unavailable:  # this process does not know where it is
        pass
    except grpc.aio.AioRpcError as error:
        if error.code() not in _PASSING:
            raise
    notices.append(f"{what} cannot be read now; the page will show it again.")
    return None
