"""How a league is reached: its Services, and who may connect to which pods.

The tiers are those of the network policies: public parts take anybody, private ones the league's
own pods and runs that join it, isolated ones none. The operator asks at the public port of the
pages, by a token. Where one pod holds all parts, the policy is by port. Where services connect to
is not bound: a database, a bucket and a Redis may be anywhere. A worker, which runs what others
have published, reaches the league and names alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from trainingrun_api.league import Access, LeagueSpec

from trainingrun_reconciler.kinds import NETWORK_POLICY, SERVICE
from trainingrun_reconciler.leagues.parts import (
    METRICS_PORT,
    PLACES,
    WORKER,
    Part,
    Pods,
    Tier,
    component,
    holder,
    object_name,
    pods_of,
    selector,
)
from trainingrun_reconciler.manifests.metadata import UID_LABEL, Manifest, manifest
from trainingrun_reconciler.owner import Owner
from trainingrun_reconciler.roles.league import JOINED_LABEL

_DNS: Final = {"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}


def services(owner: Owner, spec: LeagueSpec) -> Iterator[Manifest]:
    """One Service for each part, whichever pods hold it: its name is what clients know."""
    for part in Part:
        yield _service(owner, spec, part)


def _service(owner: Owner, spec: LeagueSpec, part: Part) -> Manifest:
    place = PLACES[part]
    port = {"name": part.value, "port": place.port, "targetPort": place.port}
    content: dict[str, Any] = {
        "type": "ClusterIP",
        "selector": selector(owner, holder(spec, part).name),
        "ports": [{**port, "protocol": "TCP"}],
    }
    annotations: Mapping[str, str] = {}
    if place.tier is Tier.PUBLIC:
        content |= _opened(spec.access)
        annotations = spec.access.annotations
    return manifest(
        SERVICE,
        owner,
        object_name(owner, part.value),
        labels_beside=component(part.value),
        annotations=annotations,
        spec=content,
    )


def _opened(access: Access) -> dict[str, Any]:
    found: dict[str, Any] = {"type": access.type}
    if access.source_ranges:
        found["loadBalancerSourceRanges"] = [*access.source_ranges]
    return found


def policies(
    owner: Owner, spec: LeagueSpec, metrics_from: Sequence[Mapping[str, Any]]
) -> Iterator[Manifest]:
    """A policy for each kind of pods."""
    for pods in pods_of(spec):
        rules = [_entrance(owner, part) for part in pods.parts]
        yield _policy(owner, pods, [*rules, *_metrics(metrics_from)])
    yield _isolated(owner)


def _policy(owner: Owner, pods: Pods, ingress: list[dict[str, Any]]) -> Manifest:
    spec = {
        "podSelector": {"matchLabels": selector(owner, pods.name)},
        "policyTypes": ["Ingress"],
        "ingress": ingress,
    }
    name = object_name(owner, pods.name)
    return manifest(NETWORK_POLICY, owner, name, labels_beside=component(pods.name), spec=spec)


def _entrance(owner: Owner, part: Part) -> dict[str, Any]:
    place = PLACES[part]
    rule: dict[str, Any] = {"ports": [{"protocol": "TCP", "port": place.port}]}
    if place.tier is Tier.PUBLIC:
        return rule
    peers = [_pods({UID_LABEL: owner.uid}), _pods({JOINED_LABEL: owner.name})]
    return {"from": peers, **rule}


def _isolated(owner: Owner) -> Manifest:
    """Of the workers: they take no connection, and connect to the league alone."""
    ports = [{"protocol": "TCP", "port": each.port} for each in PLACES.values()]
    spec = {
        "podSelector": {"matchLabels": selector(owner, WORKER)},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [],
        "egress": [_DNS, {"to": [_pods({UID_LABEL: owner.uid})], "ports": ports}],
    }
    name = object_name(owner, WORKER)
    return manifest(NETWORK_POLICY, owner, name, labels_beside=component(WORKER), spec=spec)


def _metrics(peers: Iterable[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """No rule where no peer may read them: one with an empty ``from`` would let in everybody."""
    given = [dict(each) for each in peers]
    if given:
        yield {"from": given, "ports": [{"protocol": "TCP", "port": METRICS_PORT}]}


def _pods(labels: Mapping[str, str]) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": dict(labels)}}
