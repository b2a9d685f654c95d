"""The whole page: one file that loads nothing and may run no script but its own.

The policy in its head names the hashes of its one style sheet and its one script, so that even
markup that somebody smuggled in could neither run nor ask a network.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from trainingrun.commands.report.decks import deck_tables
from trainingrun.commands.report.formatting import moment
from trainingrun.commands.report.markup import Markup, tag
from trainingrun.commands.report.material import Material, Strength
from trainingrun.commands.report.sections import Section, sections
from trainingrun.commands.report.summary import State, headline, state_of, title_of

MARK: Final = b"<!DOCTYPE html><!-- trainingrun report -->"
"""How every page begins; a file that does not is not overwritten."""
_CLUSTER_GAPS: Final = (
    "This run is on a cluster, which has its current status only. Losses, policy lag and waits are"
    " not in it: Prometheus and TensorBoard have them."
)


def page(material: Material, *, every: float | None = None) -> bytes:
    """Return the page in UTF-8; ``every`` is after how many seconds it is written again, None for
    never.

    A page that is written again loads itself again; what is final does not.
    """
    parts = sections(material)
    body = tag(
        "body",
        _header(material, every),
        _navigation(parts),
        tag("main", *map(_section, parts)),
        _footer(),
        tag("script", _script()),
        data_every=f"{every:g}" if every is not None else None,
        data_written=f"{material.now.timestamp():.0f}",
    )
    return _document(title_of(material.run), body, every=every)


def deck_page(title: str, newest: Sequence[Strength]) -> bytes:
    """Return a page in UTF-8 of nothing but win rates deck by deck, a table for each opponent."""
    tables = list(deck_tables(newest, is_open=True)) or [
        tag("p", "No game was played deck against deck.", class_="note")
    ]
    body = tag(
        "body",
        tag("header", tag("h1", title)),
        tag("main", tag("section", *tables)),
        tag("script", _script()),
    )
    return _document(title, body)


def _document(title: str, body: Markup, *, every: float | None = None) -> bytes:
    style = Markup(_asset("page.css"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, _script())),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        _without_script(every),
        tag("title", title),
        tag("style", style),
    )
    return MARK + f'\n<html lang="en">{head}{body}</html>\n'.encode("utf-8", "replace")


def _script() -> Markup:
    return Markup(_asset("page.js"))


def _header(material: Material, every: float | None) -> Markup:
    state = state_of(material)
    said = material.run.status.summary or "not started"
    word = said if state in {State.ACTIVE, State.SUSPENDED} else state.value
    badge = tag("span", word, class_=f"badge {state.name.lower()}")
    live = "live, " if every is not None else ""
    when = tag("span", f"{live}written {moment(material.now)} UTC", id="written")
    lines = [
        tag("h1", material.run.metadata.name, " ", badge),
        tag("p", f"{_where(material)} \N{MIDDLE DOT} ", when, class_="where"),
        tag("p", "", id="stale", class_="stale", hidden=True, role="status"),
    ]
    if not material.is_local:
        lines.append(tag("p", _CLUSTER_GAPS, _begun(material), class_="note"))
    return tag("header", *lines, *headline(material))


def _where(material: Material) -> str:
    """Return the place, and the game where it is not Magic."""
    environment = material.run.spec.environment
    return (
        material.place
        if environment.is_magic
        else f"{environment.title} \N{MIDDLE DOT} {material.place}"
    )


def _begun(material: Material) -> str:
    since = material.followed_since
    if since is None:
        return ""
    return f" Curves begin at {moment(since)} UTC, when this page began to follow it."


def _navigation(parts: list[Section]) -> Markup:
    links = (tag("a", part.title, href=f"#{part.key}") for part in parts)
    return tag("nav", *links, aria_label="Sections")


def _section(part: Section) -> Markup:
    return tag("section", tag("h2", part.title), *part.parts, id=part.key)


def _footer() -> Markup:
    return tag(
        "footer",
        "Written by trainingrun report. What is not known is a dash and is not drawn."
        " Times are UTC.",
    )


def _without_script(every: float | None) -> Markup:
    if every is None:
        return Markup()
    return tag("noscript", tag("meta", http_equiv="refresh", content=f"{max(1, round(every))}"))


def _policy(style: str, script: str) -> str:
    allowed = (
        "default-src 'none'",
        f"style-src {_hash(style)}",
        f"script-src {_hash(script)}",
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(allowed)


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _asset(name: str) -> str:
    """Return the style sheet or the script, which are files so that editors know what they are."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
