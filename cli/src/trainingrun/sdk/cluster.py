"""Training runs of a cluster, through its API server and with the rights of the user.

Nothing here talks to a run's Redis, which no laptop can reach: requests are annotations that the
operator follows, and answers are the status, events and pods.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from trainingrun_api.requests import CHECKPOINT, DRAIN, WAKE, text_of, with_drain
from trainingrun_api.resource import SpecError
from trainingrun_api.run import TrainingRun, parse
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.errors import ApiError, ConflictError, NotFoundError
from trainingrun_reconciler.kinds import EVENT, TRAINING_RUN

from trainingrun.sdk import (
    ClusterPlace,
    Event,
    LogLine,
    LogQuery,
    Member,
    NotReachable,
    RunNotFound,
    RunRefused,
)
from trainingrun.sdk.blocking import BlockingLoop
from trainingrun.sdk.configuration import load_configuration
from trainingrun.sdk.documents import Document, sent_document
from trainingrun.sdk.following import followed
from trainingrun.sdk.pod_logs import pod_logs
from trainingrun.sdk.pods import event_from, member_from, pods_of
from trainingrun.sdk.session import Session, default_place, has_credentials
from trainingrun.sdk.values import EVERY_LINE, Watching
from trainingrun.sdk.waiting import check_condition, holds, wait_until

_T = TypeVar("_T")
_TRIES: Final = 5
_TYPE: Final = {"apiVersion": TRAINING_RUN.api_version, "kind": TRAINING_RUN.name}


class ClusterRuns:
    """Implements ``trainingrun.sdk.TrainingRuns``."""

    def __init__(self, place: ClusterPlace) -> None:
        file = place.kubeconfig
        if file is not None and not file.is_file():
            raise NotReachable(f"kubeconfig {file}: no such file: give the one that kubectl uses")
        if file is None and not has_credentials():
            raise NotReachable(
                "no cluster is configured: give a kubeconfig, or make kubectl work (KUBECONFIG or"
                " ~/.kube/config)"
            )
        self._place = place
        self._context, namespace = default_place(file, place.context)
        self._namespace = place.namespace or namespace
        self._loop = BlockingLoop()
        try:
            with _translated("the cluster"):
                self._session = self._loop.run(_opened(place))
        except BaseException:
            self._loop.close()
            raise

    @property
    def place(self) -> ClusterPlace:
        """See TrainingRuns."""
        return self._place

    @property
    def title(self) -> str:
        """See TrainingRuns."""
        context = f"context {self._context}, " if self._context else ""
        where = "all namespaces" if self._place.everywhere else f"namespace {self._namespace}"
        return f"cluster, {context}{where}"

    def __enter__(self) -> Self:
        """See TrainingRuns."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """See TrainingRuns."""
        self.close()

    def close(self) -> None:
        """See TrainingRuns."""
        if not self._loop.is_closed:
            self._loop.run(self._session.close())
            self._loop.close()

    def submit(self, run: TrainingRun | Mapping[str, Any]) -> TrainingRun:
        """See TrainingRuns."""
        return self._applied(run, dry_run=False)

    def check(self, run: TrainingRun | Mapping[str, Any]) -> None:
        """See TrainingRuns."""
        self._applied(run, dry_run=True)

    def get(self, name: str) -> TrainingRun:
        """See TrainingRuns."""
        return _read(self._document(name))

    def list(self) -> tuple[TrainingRun, ...]:
        """See TrainingRuns; runs of another version of the API are left out."""
        path = TRAINING_RUN.path(None if self._place.everywhere else self._namespace)
        found = self._ask("training runs", self._session.get(path))
        runs = [run for each in found["items"] if (run := _readable(each)) is not None]
        return tuple(sorted(runs, key=lambda run: (run.metadata.namespace, run.metadata.name)))

    def wait(
        self,
        name: str,
        condition: str = "Complete",
        *,
        status: bool = True,
        timeout: float | None = None,
    ) -> TrainingRun:
        """See TrainingRuns."""
        check_condition(condition)
        return wait_until(
            lambda: self.get(name),
            lambda run: holds(run, condition, status=status),
            Watching(timeout),
            what=f"{condition}={status}",
        )

    def events(self, name: str, *, follow: bool = False) -> Iterator[Event]:
        """See TrainingRuns; an API server forgets events after an hour."""
        uid = self._document(name)["metadata"]["uid"]
        if follow:
            return followed(lambda: self._events(name, uid))
        return iter(self._events(name, uid))

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
            raise RunRefused(f"{name} has no daemon {daemon}: {there}")
        now = datetime.now(UTC)
        self._annotate(name, DRAIN, lambda old: with_drain(old, daemon, at=now))

    def request_checkpoint(self, name: str) -> int | None:
        """See TrainingRuns."""
        model = self.get(name).status.model
        if model is None or model.version is None:
            return None
        self._annotate(name, CHECKPOINT, lambda _: text_of(datetime.now(UTC)))
        return model.version

    def delete(self, name: str) -> None:
        """See TrainingRuns."""
        self._document(name)
        self._ask(name, self._session.delete(TRAINING_RUN.path(self._namespace, name)))

    def _applied(self, run: TrainingRun | Mapping[str, Any], *, dry_run: bool) -> TrainingRun:
        document = sent_document(run)
        name = document["metadata"]["name"]
        given = document["metadata"].get("namespace", self._namespace)
        if given != self._namespace and (self._place.namespace is not None or not dry_run):
            raise RunRefused(
                f"{name}: the document says namespace {given}, and namespace {self._namespace} is"
                " asked: name the same one, or leave it out of the document"
            )
        namespace = document["metadata"]["namespace"] = given
        path = TRAINING_RUN.path(namespace, name)
        return _read(self._ask(name, self._session.apply(path, document, dry_run=dry_run)))

    def _annotate(self, name: str, key: str, value: Callable[[Mapping[str, str]], str]) -> None:
        def change(run: Document) -> Document:
            text = value(run["metadata"].get("annotations") or {})
            version = run["metadata"]["resourceVersion"]
            return {"metadata": {"resourceVersion": version, "annotations": {key: text}}}

        self._change(name, change)

    def _change(self, name: str, change: Callable[[Document], Document]) -> None:
        """A change made from what there is, again when that has changed meanwhile."""
        path = TRAINING_RUN.path(self._namespace, name)
        for left in reversed(range(_TRIES)):
            body = change(self._document(name))
            try:
                with _translated(name, passing=ConflictError if left else None):
                    self._loop.run(self._session.merge(path, body))
            except ConflictError:
                continue
            return

    def _document(self, name: str) -> Document:
        path = TRAINING_RUN.path(self._namespace, name)
        try:
            with _translated(name, passing=NotFoundError):
                return self._loop.run(self._session.get(path))
        except NotFoundError as error:
            raise RunNotFound(
                f"no TrainingRun {name} in namespace {self._namespace}: kubectl get trainingruns -A"
                " shows those that are there"
            ) from error

    def _events(self, name: str, uid: str) -> Sequence[Event]:
        query = {"fieldSelector": f"regarding.kind=TrainingRun,regarding.name={name}"}
        found = self._ask(name, self._session.get(EVENT.path(self._namespace), **query))
        mine = [each for each in found["items"] if each["regarding"].get("uid") == uid]
        return sorted(map(event_from, mine), key=lambda event: event.at)

    def _ask(self, name: str, work: Coroutine[Any, Any, _T]) -> _T:
        with _translated(name):
            return self._loop.run(work)

    def _stream(self, name: str, source: AsyncGenerator[_T, None]) -> Iterator[_T]:
        with _translated(name):
            yield from self._loop.iterate(source)


async def _opened(place: ClusterPlace) -> Session:
    return Session(await load_configuration(place))


def _read(document: Document) -> TrainingRun:
    try:
        return parse(document)
    except SpecError as error:
        name = document["metadata"]["name"]
        raise RunRefused(f"{name}: this version cannot read it: {error}") from error


def _readable(document: Document) -> TrainingRun | None:
    try:
        return parse({**_TYPE, **document})
    except SpecError:
        return None


@contextmanager
def _translated(name: str, *, passing: type[ApiError] | None = None) -> Iterator[None]:
    """Every error of the API server as one of ours, save the ``passing`` kind."""
    try:
        yield
    except ApiError as error:
        if passing is not None and isinstance(error, passing):
            raise
        if error.status in {0, 401, 403, 429} or error.status >= 500:
            raise NotReachable(f"{name}: {error}") from error
        raise RunRefused(f"{name}: {error}") from error
    except BackendError as error:
        raise NotReachable(f"{name}: {error}") from error
