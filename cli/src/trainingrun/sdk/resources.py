"""Resources of one kind on a cluster, through its API server and with the rights of the user.

What every kind has: documents, conditions, events. What runs have beside it (members, logs,
requests) is :mod:`trainingrun.sdk.cluster`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar

from trainingrun_api.resource import Resource, ResourceDefinition, SpecError
from trainingrun_reconciler.backends import BackendError
from trainingrun_reconciler.errors import ApiError, ConflictError, NotFoundError
from trainingrun_reconciler.kinds import EVENT, Kind

from trainingrun.sdk.blocking import BlockingLoop
from trainingrun.sdk.configuration import load_configuration
from trainingrun.sdk.documents import Document, sent_document
from trainingrun.sdk.errors import NotFound, NotReachable, Refused
from trainingrun.sdk.following import followed
from trainingrun.sdk.pods import event_from
from trainingrun.sdk.session import Session, default_place, has_credentials
from trainingrun.sdk.values import ClusterPlace, Event, Watching
from trainingrun.sdk.waiting import check_condition, holds, wait_until

R = TypeVar("R", bound=Resource)
_T = TypeVar("_T")
_TRIES: Final = 5


class ClusterResources(Generic[R]):
    """Resources of one kind; all methods raise :class:`ClientError` and nothing else."""

    def __init__(self, definition: ResourceDefinition[R], place: ClusterPlace) -> None:
        self._definition = definition
        self._kind = Kind.of(definition)
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

    def submit(self, resource: R | Mapping[str, Any]) -> R:
        """See TrainingRuns."""
        return self._applied(resource, dry_run=False)

    def check(self, resource: R | Mapping[str, Any]) -> None:
        """See TrainingRuns."""
        self._applied(resource, dry_run=True)

    def get(self, name: str) -> R:
        """See TrainingRuns."""
        return self._read(self._document(name))

    def list(self) -> tuple[R, ...]:
        """See TrainingRuns; those of another version of the API are left out."""
        path = self._kind.path(None if self._place.everywhere else self._namespace)
        found = self._ask(self._kind.plural, self._session.get(path))
        known = (self._readable(each) for each in found["items"])
        those = (each for each in known if each is not None)
        return tuple(sorted(those, key=lambda one: (one.metadata.namespace, one.metadata.name)))

    def wait(
        self,
        name: str,
        condition: str = "Complete",
        *,
        status: bool = True,
        timeout: float | None = None,
    ) -> R:
        """See TrainingRuns."""
        check_condition(condition, self._definition)
        return wait_until(
            lambda: self.get(name),
            lambda one: holds(one, condition, status=status),
            Watching(timeout),
            what=f"{condition}={status}",
        )

    def events(self, name: str, *, follow: bool = False) -> Iterator[Event]:
        """See TrainingRuns; an API server forgets events after an hour."""
        uid = self._document(name)["metadata"]["uid"]
        if follow:
            return followed(lambda: self._events(name, uid))
        return iter(self._events(name, uid))

    def delete(self, name: str) -> None:
        """See TrainingRuns."""
        self._document(name)
        self._ask(name, self._session.delete(self._kind.path(self._namespace, name)))

    def _applied(self, resource: R | Mapping[str, Any], *, dry_run: bool) -> R:
        document = sent_document(resource, self._definition)
        name = document["metadata"]["name"]
        given = document["metadata"].get("namespace", self._namespace)
        if given != self._namespace and (self._place.namespace is not None or not dry_run):
            raise Refused(
                f"{name}: the document says namespace {given}, and namespace {self._namespace} is"
                " asked: name the same one, or leave it out of the document"
            )
        namespace = document["metadata"]["namespace"] = given
        path = self._kind.path(namespace, name)
        return self._read(self._ask(name, self._session.apply(path, document, dry_run=dry_run)))

    def _change(self, name: str, change: Callable[[Document], Document]) -> None:
        """A change made from what there is, again when that has changed meanwhile."""
        path = self._kind.path(self._namespace, name)
        for left in reversed(range(_TRIES)):
            body = change(self._document(name))
            try:
                with _translated(name, passing=ConflictError if left else None):
                    self._loop.run(self._session.merge(path, body))
            except ConflictError:
                continue
            return

    def _document(self, name: str) -> Document:
        path = self._kind.path(self._namespace, name)
        try:
            with _translated(name, passing=NotFoundError):
                return self._loop.run(self._session.get(path))
        except NotFoundError as error:
            raise NotFound(
                f"no {self._kind.name} {name} in namespace {self._namespace}: kubectl get"
                f" {self._kind.plural} -A"
                " shows those that are there"
            ) from error

    def _events(self, name: str, uid: str) -> Sequence[Event]:
        query = {"fieldSelector": f"regarding.kind={self._kind.name},regarding.name={name}"}
        found = self._ask(name, self._session.get(EVENT.path(self._namespace), **query))
        mine = [each for each in found["items"] if each["regarding"].get("uid") == uid]
        return sorted(map(event_from, mine), key=lambda event: event.at)

    def _ask(self, name: str, work: Coroutine[Any, Any, _T]) -> _T:
        with _translated(name):
            return self._loop.run(work)

    def _stream(self, name: str, source: AsyncGenerator[_T, None]) -> Iterator[_T]:
        with _translated(name):
            yield from self._loop.iterate(source)

    def _read(self, document: Document) -> R:
        try:
            return self._definition.read(document)
        except SpecError as error:
            name = document["metadata"]["name"]
            raise Refused(f"{name}: this version cannot read it: {error}") from error

    def _readable(self, document: Document) -> R | None:
        known = {"apiVersion": self._kind.api_version, "kind": self._kind.name}
        try:
            return self._definition.read({**known, **document})
        except SpecError:
            return None


async def _opened(place: ClusterPlace) -> Session:
    return Session(await load_configuration(place))


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
        raise Refused(f"{name}: {error}") from error
    except BackendError as error:
        raise NotReachable(f"{name}: {error}") from error
