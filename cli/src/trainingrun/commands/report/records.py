"""What is on record about a run, as tables: checkpoints, conditions, members, events, the spec."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import yaml

from trainingrun.commands.report.formatting import UNKNOWN, count, moment, size
from trainingrun.commands.report.markup import Markup, tag
from trainingrun.commands.report.material import Material
from trainingrun.commands.report.redaction import hidden_in, without_secrets
from trainingrun.commands.report.tables import Narrow, facts, table
from trainingrun.commands.runs.facts import role_rows

MOST_ROWS: Final = 200
HOUR: Final = "a cluster keeps events for an hour"
_MOST_LETTERS: Final = 1000
_MOST_OF_SPEC: Final = 100_000


def checkpoints(material: Material) -> Iterator[Markup]:
    """Yield where weights were saved, newest first."""
    found = sorted(material.checkpoints, key=lambda each: each.saved_at, reverse=True)
    if not found:
        yield note("No checkpoint is known yet.")
        return
    rows = [
        (
            moment(each.saved_at),
            count(each.step),
            count(each.games),
            size(each.size),
            f"{each.seconds:.2f} s" if each.seconds is not None else UNKNOWN,
            hidden_in(each.uri),
        )
        for each in found[:MOST_ROWS]
    ]
    titles = ("saved (UTC)", "version", "games", "size", "took", "where")
    yield table(
        titles, rows, caption="Checkpoints, newest first" + _left_out(found), narrow=Narrow.LIST
    )
    rule = "Older ones may have been removed since (spec.checkpoint.keep)."
    alone = "A cluster has the newest checkpoint only."
    yield note(rule if material.is_local else alone)


def conditions(material: Material) -> Iterator[Markup]:
    """Yield the conditions of the status."""
    found = material.run.status.conditions
    if not found:
        yield note("No condition is set yet.")
        return
    rows = [
        (
            each.type,
            str(each.status),
            each.reason,
            moment(each.last_transition_time),
            clipped(each.message),
        )
        for each in found
    ]
    titles = ("condition", "is", "reason", "since (UTC)", "message")
    yield table(titles, rows, caption="Conditions", narrow=Narrow.STORY)


def members(material: Material) -> Iterator[Markup]:
    """Who runs now."""
    roles = list(role_rows(material.run)) if material.is_attended else []
    if roles:
        yield facts(roles)
    if not material.members:
        yield note("None runs now.")
        return
    found = sorted(material.members, key=lambda each: (each.role, each.name))
    rows = [
        (
            each.name,
            each.role,
            "draining" if each.draining else "ready" if each.ready else "not ready",
            count(each.busy),
            count(each.restarts),
            moment(each.started_at),
            each.node or UNKNOWN,
            clipped(each.problem),
        )
        for each in found[:MOST_ROWS]
    ]
    titles = ("member", "role", "state", "games", "restarts", "since (UTC)", "node", "problem")
    yield table(
        titles, rows, caption="Processes or pods of the run" + _left_out(found), narrow=Narrow.LIST
    )


def events(material: Material) -> Iterator[Markup]:
    """Yield what happened, newest first."""
    if not material.events:
        kept = "" if material.is_local else f" ({HOUR})"
        yield note(f"No events are on record{kept}.")
        return
    newest = list(reversed(material.events))
    rows = [
        (
            moment(each.at),
            "warning" if each.warning else "",
            each.reason,
            clipped(each.message) + (f" (x{each.count})" if each.count > 1 else ""),
        )
        for each in newest[:MOST_ROWS]
    ]
    kinds = ["warning" if each.warning else "" for each in newest[:MOST_ROWS]]
    caption = "Events, newest first" + _left_out(newest)
    yield table(
        ("when (UTC)", "", "reason", "message"),
        rows,
        caption=caption,
        kinds=kinds,
        narrow=Narrow.STORY,
    )
    if not material.is_local:
        yield note(f"What is older is not known: {HOUR}.")


def spec(material: Material) -> Iterator[Markup]:
    """Yield the whole spec, folded."""
    document = material.run.spec.model_dump(mode="json", by_alias=True, exclude_none=True)
    written = yaml.safe_dump(without_secrets(document), sort_keys=False, allow_unicode=True)
    more = len(written) - _MOST_OF_SPEC
    rest = f"\n# {more:,} more letters are left out" if more > 0 else ""
    inner = tag("pre", written[:_MOST_OF_SPEC] + rest, tabindex="0")
    yield tag("details", tag("summary", "spec, defaults filled in"), inner)


def note(sentence: str) -> Markup:
    """Return a sentence beside what it is about."""
    return tag("p", sentence, class_="note")


def clipped(message: str) -> str:
    """Return a message without passwords, and not longer than anybody reads."""
    hidden = hidden_in(message)
    return hidden if len(hidden) <= _MOST_LETTERS else hidden[:_MOST_LETTERS] + " …"


def _left_out(found: Sequence[object]) -> str:
    more = len(found) - MOST_ROWS
    return f" ({more:,} more are left out)" if more > 0 else ""
