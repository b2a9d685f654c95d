"""Waiting for a condition, the same at every place, by polling."""

from __future__ import annotations

import time
from collections.abc import Callable
from difflib import get_close_matches
from threading import Event
from typing import TypeVar

from trainingrun_api.conditions import ConditionStatus
from trainingrun_api.resource import Resource, ResourceDefinition

from trainingrun.sdk.errors import Ended, NotReachable, Refused, WaitTimeout
from trainingrun.sdk.values import Watching

R = TypeVar("R", bound=Resource)
_NEVER = Event()


def holds(resource: Resource, condition: str, *, status: bool) -> bool:
    """Return whether the condition is so, and is about the spec that stands."""
    found = resource.status.condition(condition)
    if found is None:
        return False
    about = found.observed_generation
    if about is not None and about < resource.metadata.generation:
        return False
    return found.status is (ConditionStatus.TRUE if status else ConditionStatus.FALSE)


def check_condition(name: str, definition: ResourceDefinition[Resource]) -> None:
    """See that a kind has a condition of this name: waiting for a misspelt one never ends.

    Raises:
        Refused: they have none.
    """
    known = [str(each) for each in definition.conditions]
    if name in known:
        return
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"use one of {', '.join(known)}"
    raise Refused(f"condition {name}: unknown condition: {hint}")


def why_over(resource: Resource) -> str | None:
    """Return why nothing more will happen to the resource; None while it is active."""
    ended = resource.status.end
    if ended is None:
        return None
    return f"{ended.reason}: {ended.message}" if ended.message else ended.reason


def wait_until(
    read: Callable[[], R],
    is_met: Callable[[R], bool],
    watching: Watching,
    *,
    what: str,
) -> R:
    """Poll until the condition is met; return the resource as read then.

    Args:
        read: reads the resource.
        is_met: what is waited for.
        watching: how long and how often.
        what: is waited for, as a phrase that follows its name.

    Raises:
        Ended: the resource is over and it is not so.
        WaitTimeout: it was not so in time.
        NotReachable: the place did not answer for longer than the patience.
    """
    deadline = None if watching.timeout is None else time.monotonic() + watching.timeout
    silent_since: float | None = None
    while True:
        try:
            found, silent_since = read(), None
        except NotReachable:
            silent_since = silent_since if silent_since is not None else time.monotonic()
            if time.monotonic() - silent_since >= watching.patience:
                raise
            _NEVER.wait(watching.every)
            continue
        if is_met(found):
            return found
        name, over = found.metadata.name, why_over(found)
        if over is not None:
            raise Ended(f"{name} {what}: never, because it is over ({over})")
        if deadline is not None and time.monotonic() >= deadline:
            state = found.status.summary or "no status yet"
            raise WaitTimeout(
                f"{name} {what}: not within {watching.timeout:g} s ({state}): see its events,"
                " or wait longer"
            )
        _NEVER.wait(watching.every)
