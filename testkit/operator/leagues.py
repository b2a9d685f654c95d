"""A league of a test: as its user writes it, and its objects as a cluster would have them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Final

from trainingrun_api.league import LEAGUE as DEFINITION
from trainingrun_api.league import League, LeagueStatus
from trainingrun_reconciler.desired.conditions import next_condition
from trainingrun_reconciler.desired.observed import Finished
from trainingrun_reconciler.kinds import (
    CLAIM,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    JOB,
    NETWORK_POLICY,
    POD,
    SERVICE,
    SERVICE_ACCOUNT,
    STATEFUL_SET,
    Kind,
)
from trainingrun_reconciler.leagues.decide import Heard, decide
from trainingrun_reconciler.leagues.objects import Place
from trainingrun_reconciler.manifests.metadata import TEMPLATE_HASH, Manifest
from trainingrun_reconciler.outcome import Outcome
from trainingrun_reconciler.resources.league import LEAGUE_KIND
from trainingrun_reconciler.views import ControllerView, Identity, PodView, View, view_of

UID: Final = "league-uid"
PLACE: Final = Place(image="league:1", worker_image="search:1")
KINDS: Final = {
    each.name: each
    for each in (
        CLAIM,
        DEPLOYMENT,
        DISRUPTION_BUDGET,
        JOB,
        NETWORK_POLICY,
        SERVICE,
        SERVICE_ACCOUNT,
        STATEFUL_SET,
    )
}
SECRETS: Final[dict[str, Any]] = {
    "database": {"secretRef": {"name": "database"}},
    "redis": {"secretRef": {"name": "redis"}},
}
BUCKET: Final = {"s3": {"bucket": "league-bucket", "secretRef": {"name": "bucket"}}}
PRODUCTION: Final[dict[str, Any]] = {
    "profile": "production",
    "storage": BUCKET,
    "replicas": {"model": 2, "elo": 3},
    **SECRETS,
}


def document(name: str = "ladder", **spec: Any) -> dict[str, Any]:
    """A League as its user writes it."""
    environment = {"builtIn": {"name": "connect_four"}}
    return {
        "apiVersion": "trainingrun.dev/v1alpha1",
        "kind": "League",
        "metadata": {"name": name, "namespace": "space", "uid": UID},
        "spec": {"environment": environment, **spec},
    }


def league(**spec: Any) -> League:
    """A league of a test."""
    return DEFINITION.read(document(**spec))


@dataclass
class PlayedLeague:
    """A league whose objects are applied, and whose pods are played; an operator may die between
    any two actions."""

    league: League
    place: Place = PLACE
    heard: Heard = field(default_factory=lambda: Heard(silence="it cannot be reached"))
    objects: dict[tuple[str, str], Manifest] = field(default_factory=dict)
    migrations: set[str] = field(default_factory=set)
    """Hashes of the Jobs that have ended well."""
    ready: bool = False
    now: float = 1_800_000_000.0

    def views(self) -> tuple[View, ...]:
        """What an operator sees."""
        seen = [self._view(each) for each in self.objects.values()]
        pods = [
            pod_of(each)
            for each in seen
            if self.ready and isinstance(each, ControllerView) and each.identity.kind is not JOB
        ]
        return (*seen, *pods)

    def decide(self) -> Outcome:
        """What an operator decides now."""
        return decide(self.league, self.views(), self.heard, self.place)

    def step(self, *, limit: int | None = None) -> Outcome:
        """One reconcile, which dies after so many actions; without a limit it lives."""
        outcome = self.decide()
        wanted = {(each["kind"], each["metadata"]["name"]): each for each in outcome.children}
        actions: list[tuple[tuple[str, str], Manifest | None]] = [
            (key, each) for key, each in wanted.items() if self.objects.get(key) != each
        ]
        if outcome.removes:
            actions += [
                (key, None)
                for key in self.objects
                if key not in wanted and KINDS[key[0]] in LEAGUE_KIND.removed
            ]
        for key, each in actions[:limit]:
            if each is None:
                del self.objects[key]
            else:
                self.objects[key] = each
        if limit is None or limit >= len(actions):
            self._publish(outcome)
        return outcome

    def settle(self) -> Outcome:
        """Reconcile until nothing changes."""
        for _ in range(10):
            before = dict(self.objects), self.league.status, set(self.migrations)
            outcome = self.step()
            self.migrate()
            if (dict(self.objects), self.league.status, self.migrations) == before:
                return outcome
        raise AssertionError("it never comes to rest")

    def _publish(self, outcome: Outcome) -> None:
        status = outcome.status
        assert isinstance(status, LeagueStatus)
        conditions = tuple(
            next_condition(self.league.status.condition(kind), kind, state, generation=1, now=0.0)
            for kind, state in outcome.conditions.items()
        )
        status = status.model_copy(update={"conditions": conditions})
        self.league = self.league.model_copy(update={"status": status})

    def _has_ended(self, view: ControllerView) -> bool:
        return view.identity.kind is JOB and view.identity.template_hash in self.migrations

    def migrate(self) -> None:
        """The Job that is there ends well."""
        jobs = [each for (kind, _), each in self.objects.items() if kind == JOB.name]
        self.migrations |= {each["metadata"]["annotations"][TEMPLATE_HASH] for each in jobs}

    def _view(self, manifest: Manifest) -> View:
        meta = {"uid": manifest["metadata"]["name"], **manifest["metadata"]}
        kind = KINDS[manifest["kind"]]
        found = view_of(
            kind, {**manifest, "metadata": meta} if _makes_pods(kind) else {"metadata": meta}
        )
        if isinstance(found, ControllerView) and self._has_ended(found):
            return replace(found, finished=Finished(succeeded=True))
        return found


def _makes_pods(kind: Kind) -> bool:
    return kind in (DEPLOYMENT, STATEFUL_SET, JOB)


def pod_of(maker: ControllerView) -> PodView:
    """One ready pod of a controller; a test of numbers counts replicas itself."""
    identity: Identity = replace(
        maker.identity, kind=POD, name=f"{maker.identity.name}-0", uid=f"{maker.identity.uid}-0"
    )
    return PodView(
        identity=identity,
        ready=True,
        ended=False,
        address="10.0.0.1",
        started_at=0.0,
        restarts=0,
        problem=None,
        created_at=0.0,
    )


def by_name(outcome: Outcome, kind: str) -> dict[str, Manifest]:
    """The objects of a kind, by the part that they are named after."""
    return {
        each["metadata"]["name"].partition("-")[2]: each
        for each in outcome.children
        if each["kind"] == kind
    }
