"""Which place a verb is about. The rule, in order:

1. an option of clusters (``--namespace``, ``--context``, ``--kubeconfig``), or being called as
   ``kubectl trainingrun``: the cluster;
2. ``--state``: this machine;
3. a local run of that name (without a name: any local run): this machine;
4. otherwise the cluster that kubectl would use, when one is configured.

What was chosen is always shown: in the table of ``status``, in the sentence of a verb that changes
something, and above other output on a terminal.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

from trainingrun_api.resource import Resource, ResourceDefinition

from trainingrun.commands.errors import TimedOut, UserError
from trainingrun.commands.options import (
    ContextOption,
    KubeconfigOption,
    NamespaceOption,
    StateOption,
)
from trainingrun.commands.terminal import error_console
from trainingrun.sdk import (
    ClientError,
    ClusterPlace,
    LocalPlace,
    Place,
    TrainingRuns,
    WaitTimeout,
    connect,
)
from trainingrun.sdk.values import STATE

if TYPE_CHECKING:
    from trainingrun.sdk.resources import ClusterResources

R = TypeVar("R", bound=Resource)
_PLUGIN: Final = "kubectl"


@dataclass(frozen=True)
class Where:
    """The options that name a place; a verb that takes one has them all (``commands.grammar``)."""

    state: StateOption = None
    namespace: NamespaceOption = None
    context: ContextOption = None
    kubeconfig: KubeconfigOption = None
    everywhere: bool = False

    @property
    def names_a_cluster(self) -> bool:
        """Whether an option of clusters was given."""
        given = (self.namespace, self.context, self.kubeconfig)
        return self.everywhere or any(each is not None for each in given)


@contextmanager
def cluster_at(where: Where) -> Iterator[TrainingRuns]:
    """The client of the cluster that is meant, whatever runs are on this machine.

    Raises:
        UserError: whatever went wrong with it.
    """
    with _errors_for_the_user(), connect(_cluster(where)) as runs:
        yield runs


@contextmanager
def resources_at(where: Where, definition: ResourceDefinition[R]) -> Iterator[ClusterResources[R]]:
    """The client of the cluster that is meant, for resources of another kind than runs.

    Raises:
        UserError: whatever went wrong with it.
    """
    # Imported here because it brings the Kubernetes client, which takes half a second.
    from trainingrun.sdk.resources import ClusterResources  # noqa: PLC0415

    with _errors_for_the_user(), ClusterResources(definition, _cluster(where)) as resources:
        yield resources


@contextmanager
def runs_at(
    where: Where, name: str | None = None, *, decks: Path | None = None
) -> Iterator[TrainingRuns]:
    """The client of the place that is meant; errors become the user's.

    ``decks`` are for runs that are submitted to this machine.

    Raises:
        UserError: whatever went wrong with the place or the run.
    """
    with _errors_for_the_user():
        place = place_of(where, name)
        if isinstance(place, LocalPlace):
            place = LocalPlace(place.state, decks)
        with connect(place) as runs:
            yield runs


@contextmanager
def _errors_for_the_user() -> Iterator[None]:
    try:
        yield
    except WaitTimeout as error:
        raise TimedOut(str(error)) from error
    except ClientError as error:
        raise UserError(str(error)) from error


def _cluster(where: Where) -> ClusterPlace:
    return ClusterPlace(where.namespace, where.context, where.kubeconfig)


def place_of(where: Where, name: str | None) -> Place:
    """Return the place, by the rule above.

    Raises:
        UserError: options contradict each other, or there is neither a local run nor a cluster.
    """
    cluster = ClusterPlace(where.namespace, where.context, where.kubeconfig, where.everywhere)
    if where.names_a_cluster and where.state is not None:
        raise UserError(
            "--state is for runs on this machine: leave it or the cluster's options out"
        )
    if where.names_a_cluster or is_plugin():
        return cluster
    local = LocalPlace(where.state if where.state is not None else STATE)
    if where.state is not None or _is_local(local.state, name):
        return local
    # Imported here because it brings the Kubernetes client, which takes half a second.
    from trainingrun.sdk.session import has_credentials  # noqa: PLC0415

    if has_credentials():
        return cluster
    if name is None:
        raise UserError(
            f"no local run in {local.state}, and no cluster is configured: give the folder with"
            " --state, or make kubectl work"
        )
    return local  # which says that there is no such run, and which there are


def is_plugin() -> bool:
    """Return whether we were called as ``kubectl trainingrun``."""
    return Path(sys.argv[0]).name.startswith(_PLUGIN)


def show_place(runs: TrainingRuns) -> None:
    """Name the place that was used on standard error, where programs do not read."""
    console = error_console()
    if console.is_terminal:
        console.print(runs.title, style="dim", markup=False)


def _is_local(state: Path, name: str | None) -> bool:
    if name is not None:
        return (state / name / "status.json").is_file()
    return any(state.glob("*/status.json"))
