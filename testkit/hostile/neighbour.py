"""A healthy run of another tenant, and how long the operator takes to follow each change of it."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, Final

from testkit.control_plane.api_connections import MERGE, Request
from testkit.control_plane.plane import ControlPlane

_WATCH_SECONDS: Final = 300
ATTEMPTS: Final = 3
"""Of a request of a soak: its API server is restarted meanwhile."""
_FIRST_GAMES: Final = 1_000_000


class Neighbour:
    """Changes a field of its run whenever it is asked to, in a thread of its own.

    Attributes:
        seconds: from each change to the status that is of it.
        asked: the part of them in which the API server took the change, before the operator knew.
        errors: what ended it.
    """

    def __init__(self, plane: ControlPlane, runs: str, name: str) -> None:
        self.seconds: list[float] = []
        self.asked: list[float] = []
        self.errors: list[BaseException] = []
        self._connections = plane.connections
        self._runs, self._name = runs, name
        self._games = _FIRST_GAMES
        self._wanted = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._measure, name="neighbour")

    def start(self) -> None:
        """Begin to wait for changes that are asked for."""
        self._thread.start()

    def change(self) -> None:
        """Ask for a change; nothing where one is under way."""
        self._wanted.set()

    def stop(self) -> None:
        """End after the change that is under way."""
        self._ends = True
        self._wanted.set()
        self._thread.join()

    def follow(self) -> float:
        """Change the run; returns the seconds until its status is of the change."""
        self._games += 1
        path = f"{self._runs}/{self._name}"
        begin = time.monotonic()
        body = json.dumps({"spec": {"games": self._games}})
        changed = self._connections.send(Request("PATCH", path, body, MERGE), attempts=ATTEMPTS)
        assert changed.status == 200, changed.body
        self.asked.append(time.monotonic() - begin)
        meta = changed.document["metadata"]
        place = f"watch=1&resourceVersion={meta['resourceVersion']}&timeoutSeconds={_WATCH_SECONDS}"
        path = f"{self._runs}?{place}&fieldSelector=metadata.name%3D{self._name}"
        with self._connections.stream(path) as stream:
            while line := stream.answer.readline():
                if generation_told(json.loads(line)["object"]) >= meta["generation"]:
                    return time.monotonic() - begin
        raise AssertionError(f"{self._name} was not followed within {_WATCH_SECONDS} s")

    def _measure(self) -> None:
        try:
            while self._wanted.wait() and not self._ends:
                self._wanted.clear()
                self.seconds.append(self.follow())
        except BaseException as error:
            self.errors.append(error)


def generation_told(run: dict[str, Any]) -> int:
    """The generation that a run's status is of."""
    return int((run.get("status") or {}).get("observedGeneration") or 0)


def percentile(values: list[float], share: float) -> float:
    """The value that so large a share of all does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
