"""The whole page: one file that loads nothing and may run no script but its own.

The policy in its head names the hashes of its one style sheet and its one script, so that even
markup that somebody smuggled in could neither run nor ask a network.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Final

from trainingrun_operator.cli.report.markup import Markup, tag
from trainingrun_operator.cli.report.material import Material
from trainingrun_operator.cli.report.sections import Section, sections
from trainingrun_operator.cli.report.summary import State, headline, state_of, title_of
from trainingrun_operator.cli.report.words import moment

MARK: Final = b"<!DOCTYPE html><!-- trainingrun report -->"
"""How every page begins; a file that does not is not overwritten."""
_CLUSTER_GAPS: Final = (
    "This run is on a cluster, which tells how it stands now. Losses, policy lag and waits are not"
    " in its status: Prometheus and TensorBoard have them."
)


def page(material: Material, *, every: float | None = None) -> bytes:
    """The page in UTF-8; ``every`` is after how many seconds it is written again, None for never.

    A page that is written again loads itself again; what is final does not.
    """
    style, script = Markup(_asset("page.css")), Markup(_asset("page.js"))
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        _without_script(every),
        tag("title", title_of(material.run)),
        tag("style", style),
    )
    parts = sections(material)
    body = tag(
        "body", _header(material, every), _navigation(parts), tag("main", *map(_section, parts)),
        _footer(), tag("script", script),
        data_every=f"{every:g}" if every is not None else None,
        data_written=f"{material.now.timestamp():.0f}",
    )  # fmt: skip
    return MARK + f'\n<html lang="en">{head}{body}</html>\n'.encode("utf-8", "replace")


def _header(material: Material, every: float | None) -> Markup:
    state = state_of(material)
    said = material.run.status.summary or "not started"
    word = said if state in {State.ACTIVE, State.SUSPENDED} else state.value
    badge = tag("span", word, class_=f"badge {state.name.lower()}")
    live = "live, " if every is not None else ""
    when = tag("span", f"{live}written {moment(material.now)} UTC", id="written")
    lines = [
        tag("h1", material.run.metadata.name, " ", badge),
        tag("p", f"{material.place} \N{MIDDLE DOT} ", when, class_="where"),
        tag("p", "", id="stale", class_="stale", hidden=True, role="status"),
    ]
    if not material.is_local:
        lines.append(tag("p", _CLUSTER_GAPS, _begun(material), class_="note"))
    return tag("header", *lines, *headline(material))


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
        "footer", "Written by trainingrun report. What is not known is a dash and is not drawn."
        " Times are UTC.",
    )  # fmt: skip


def _without_script(every: float | None) -> Markup:
    if every is None:
        return Markup()
    return tag("noscript", tag("meta", http_equiv="refresh", content=f"{max(1, round(every))}"))


def _policy(style: str, script: str) -> str:
    allowed = (
        "default-src 'none'", f"style-src {_hash(style)}", f"script-src {_hash(script)}",
        "base-uri 'none'", "form-action 'none'",
    )  # fmt: skip
    return "; ".join(allowed)


def _hash(content: str) -> str:
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _asset(name: str) -> str:
    """The style sheet or the script, which are files so that editors know what they are."""
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
