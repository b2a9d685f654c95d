"""Names for shell completion: quick, and silent when the place cannot be read."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import typer
from trainingrun_contracts.own_parts import OPPONENTS
from trainingrun_reconciler.roles import ROLES

from trainingrun.local.league_folder import league_names
from trainingrun.sdk import ClientError, ClusterPlace, LocalPlace, Place, connect
from trainingrun.sdk.values import STATE


def complete_run(context: typer.Context, incomplete: str) -> list[str]:
    """Runs of the place that the words before name; without options, local ones first."""
    return _beginning(incomplete, lambda: _runs(context))


def complete_daemon(context: typer.Context, incomplete: str) -> list[str]:
    """Daemons of the run that was named before."""
    return _beginning(incomplete, lambda: _members(context, role="daemon"))


def complete_member(context: typer.Context, incomplete: str) -> list[str]:
    """Members of the run that was named before."""
    return _beginning(incomplete, lambda: _members(context, role=context.params.get("role")))


def complete_role(incomplete: str) -> list[str]:
    """Roles of a run."""
    return sorted(each.value for each in ROLES.names if each.value.startswith(incomplete))


def complete_checkpoint(context: typer.Context, incomplete: str) -> list[str]:
    """``newest``, ``best``, and the checkpoints of local runs; of one run where it is named."""
    state = _path(context.params.get("state")) or STATE
    run = context.params.get("target") or "*"
    found = {path.parent.name for path in state.glob(f"{run}/checkpoints/*/manifest.json")}
    candidates = {"newest", "best"} if "which" in context.params or run != "*" else set()
    return sorted(name for name in found | candidates if name.startswith(incomplete))


def complete_opponent(context: typer.Context, incomplete: str) -> list[str]:
    """Scripted players, those of packages too, and checkpoints."""
    known = sorted((*OPPONENTS.ours, *OPPONENTS.names()))
    candidates = [name for name in known if name.startswith(incomplete)]
    return [*candidates, *complete_checkpoint(context, incomplete)]


def complete_league(context: typer.Context, incomplete: str) -> list[str]:
    """Leagues of this machine."""
    state = _path(context.params.get("state")) or STATE
    return [name for name in league_names(state) if name.startswith(incomplete)]


def complete_context(incomplete: str) -> list[str]:
    """Contexts of the kubeconfig."""
    # Imported here because it brings the Kubernetes client, which takes half a second.
    from trainingrun.sdk.session import known_contexts  # noqa: PLC0415

    return [name for name in known_contexts() if name.startswith(incomplete)]


def complete_namespace(context: typer.Context, incomplete: str) -> list[str]:
    """Namespaces that hold runs, as far as the user may see them."""

    def namespaces() -> Iterator[str]:
        place = ClusterPlace(
            context=context.params.get("context"),
            kubeconfig=_path(context.params.get("kubeconfig")),
            everywhere=True,
        )
        with connect(place) as runs:
            yield from dict.fromkeys(run.metadata.namespace for run in runs.list())

    return _beginning(incomplete, namespaces)


def _runs(context: typer.Context) -> Iterator[str]:
    place = _place(context)
    if place is None:
        return
    with connect(place) as runs:
        yield from (run.metadata.name for run in runs.list())


def _members(context: typer.Context, *, role: object) -> Iterator[str]:
    name, place = context.params.get("name"), _place(context)
    if not isinstance(name, str) or place is None:
        return
    with connect(place) as runs:
        every = runs.members(name)
    yield from (member.name for member in every if role is None or member.role == role)


def _place(context: typer.Context) -> Place | None:
    """Return the place by the options given so far; the cluster is asked only where it must be."""
    given = context.params
    namespace, named = given.get("namespace"), given.get("context")
    kubeconfig = _path(given.get("kubeconfig"))
    is_cluster = any(each is not None for each in (namespace, named, kubeconfig))
    if is_cluster or Path(sys.argv[0]).name.startswith("kubectl"):
        return ClusterPlace(namespace, named, kubeconfig)
    state = _path(given.get("state")) or STATE
    if any(state.glob("*/status.json")):
        return LocalPlace(state)
    # Imported here because it brings the Kubernetes client, which takes half a second.
    from trainingrun.sdk.session import has_credentials  # noqa: PLC0415

    return ClusterPlace() if has_credentials() else None


def _beginning(incomplete: str, names: Callable[[], Iterator[str]]) -> list[str]:
    try:
        return sorted(name for name in names() if name.startswith(incomplete))
    except ClientError:
        return []


def _path(value: object) -> Path | None:
    return Path(str(value)) if value is not None else None
