"""What the operators asked of the API server, out of its audit log: who wrote what in which term.

An operator signs its requests with the term of its lease, so that the log distinguishes one
leader's writes from those of the next one, even where both are the same ServiceAccount.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_SIGNED = re.compile(r"trainingrun-operator \(term (\d+); (.*)\)")
_WRITES = frozenset({"create", "patch", "update", "delete"})
_QUESTIONS = frozenset({"leases", "selfsubjectaccessreviews"})
"""What is no write to the cluster's objects: the lock itself, and questions that are posted."""


@dataclass(frozen=True)
class Asked:
    """One answered request. ``term`` is 0 for one that was signed with none."""

    at: datetime
    verb: str
    resource: str
    namespace: str
    name: str
    status: int
    term: int
    identity: str

    @property
    def is_write(self) -> bool:
        """Whether it was to change something, the lease apart."""
        return self.verb in _WRITES and self.resource not in _QUESTIONS

    @property
    def is_of_child(self) -> bool:
        """Whether it was about what a run consists of, and not about the run and its events."""
        return self.resource not in {"trainingruns", "events"}


def requests_of(log: Path, user: str, *, skip: int = 0) -> list[Asked]:
    """All requests of a user after the first ``skip`` lines of the log, oldest first."""
    events = (json.loads(line) for line in whole_lines(log)[skip:] if user in line)
    found = (_asked(each) for each in events if each["user"]["username"] == user)
    return sorted((each for each in found if each is not None), key=lambda each: each.at)


class AuditTail:
    """What the log says from now on of one account in one namespace.

    Each line is read once, however often it is asked: a session's log has tens of thousands.
    """

    def __init__(self, log: Path, *, user: str, namespace: str) -> None:
        self._log = log
        self._user = user
        self._namespace = namespace
        self._read = log.stat().st_size
        self._events: list[dict[str, Any]] = []

    def writes(self) -> list[dict[str, Any]]:
        """All writes until now, oldest first; leases and questions are none."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]  # the last line may be half written
        self._read += len(whole)
        events = (json.loads(line) for line in whole.decode().splitlines() if self._user in line)
        self._events += [each for each in events if self._is_write(each)]
        return list(self._events)

    def _is_write(self, event: Mapping[str, Any]) -> bool:
        reference = event.get("objectRef", {})
        return (
            event["user"]["username"] == self._user
            and event["verb"] in _WRITES
            and reference.get("resource") not in _QUESTIONS
            and reference.get("namespace") == self._namespace
        )


def whole_lines(log: Path) -> list[str]:
    """The lines of the log; the last one may be half written when it is read, and is left out."""
    text = log.read_text()
    return text[: text.rfind("\n") + 1].splitlines()


def lines_in(log: Path) -> int:
    """How long the log is now."""
    return len(whole_lines(log))


def overlaps(requests: Iterable[Asked]) -> list[Asked]:
    """Writes that came when a later term had begun to write, or that were signed with no term."""
    late, newest = [], 0
    for each in requests:
        if not each.is_write:
            continue
        if each.term < max(newest, 1):
            late.append(each)
        newest = max(newest, each.term)
    return late


def _asked(event: Mapping[str, Any]) -> Asked | None:
    reference = event.get("objectRef")
    if reference is None:
        return None
    signed = _SIGNED.search(event.get("userAgent", ""))
    return Asked(
        at=datetime.fromisoformat(event["requestReceivedTimestamp"]),
        verb=event["verb"],
        resource=reference.get("resource", ""),
        namespace=reference.get("namespace", ""),
        name=reference.get("name", ""),
        status=int(event.get("responseStatus", {}).get("code", 0)),
        term=int(signed[1]) if signed else 0,
        identity=signed[2] if signed else "",
    )
