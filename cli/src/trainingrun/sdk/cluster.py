"""Training runs of a cluster, through its API server and with the rights of the user.

Nothing here talks to a run's Redis, which no laptop can reach: requests are annotations that the
operator follows, and answers are the status, events and pods.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

from trainingrun_api.requests import CHECKPOINT, DRAIN, WAKE, text_of, with_drain
from trainingrun_api.run import DEFINITION, TrainingRun

from trainingrun.sdk.documents import Document
from trainingrun.sdk.errors import Refused
from trainingrun.sdk.pod_logs import pod_logs
from trainingrun.sdk.pods import member_from, pods_of
from trainingrun.sdk.resources import ClusterResources
from trainingrun.sdk.values import EVERY_LINE, ClusterPlace, LogLine, LogQuery, Member


class ClusterRuns(ClusterResources[TrainingRun]):
    """Implements ``trainingrun.sdk.TrainingRuns``."""

    def __init__(self, place: ClusterPlace) -> None:
        super().__init__(DEFINITION, place)

    def members(self, name: str) -> tuple[Member, ...]:
        """See TrainingRuns."""
        uid = self._document(name)["metadata"]["uid"]
        pods = self._ask(name, pods_of(self._session, self._namespace, uid, None))
        return tuple(member_from(pod) for pod in pods)

    def logs(self, name: str, query: LogQuery = EVERY_LINE) -> Iterator[LogLine]:
        """See TrainingRuns."""
        uid = self._document(name)["metadata"]["uid"]
        source = pod_logs(self._session, self._namespace, uid, query)
        return self._stream(name, source)

    def suspend(self, name: str) -> None:
        """See TrainingRuns."""
        self._change(name, lambda _: {"spec": {"suspend": True}})

    def resume(self, name: str) -> None:
        """See TrainingRuns."""

        def change(run: Document) -> Document:
            if (run.get("status") or {}).get("stop") is None:
                return {"spec": {"suspend": False}}
            woken = {WAKE: text_of(datetime.now(UTC))}
            return {"spec": {"suspend": False}, "metadata": {"annotations": woken}}

        self._change(name, change)

    def drain(self, name: str, daemon: str) -> None:
        """See TrainingRuns."""
        run = self.get(name)
        external = run.spec.daemon.external
        known = list(external.endpoints) if external is not None else []
        known += [each.name for each in self.members(name) if each.role == "daemon"]
        if daemon not in known:
            there = f"found: {', '.join(sorted(known))}" if known else "none found"
            raise Refused(f"{name} has no daemon {daemon}: {there}")
        now = datetime.now(UTC)
        self._annotate(name, DRAIN, lambda old: with_drain(old, daemon, at=now))

    def request_checkpoint(self, name: str) -> int | None:
        """See TrainingRuns."""
        model = self.get(name).status.model
        if model is None or model.version is None:
            return None
        self._annotate(name, CHECKPOINT, lambda _: text_of(datetime.now(UTC)))
        return model.version

    def _annotate(self, name: str, key: str, value: Callable[[Mapping[str, str]], str]) -> None:
        def change(run: Document) -> Document:
            text = value(run["metadata"].get("annotations") or {})
            version = run["metadata"]["resourceVersion"]
            return {"metadata": {"resourceVersion": version, "annotations": {key: text}}}

        self._change(name, change)
