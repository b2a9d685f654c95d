"""The promise of what a change does, held against what the operator really replaces."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs
from trainingrun_api.changes import (
    LIVE,
    REPLACED,
    effect,
    is_fixed,
    is_live,
    replaced_by,
)
from trainingrun_api.crd import root_schema
from trainingrun_api.run import DEFINITION, TrainingRun, parse
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_reconciler.desired.run_config import run_config
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.settings import Settings

from testkit.operator.pod_templates import asked_of

DAEMONS = 1
# Values of fields that have no default, or whose neighbours a next value would not fit.
POLICIES = tuple([{"type": "Pods", "value": value, "periodSeconds": 60}] for value in (1, 2))
VALUES: dict[str, tuple[Any, Any]] = {
    "resumeFrom.storage.directory.path": ("/one", "/two"),
    "games": (100, 200),
    "decks[].name": ("red_aggro", "white_weenie"),
    "learner.precision": ("fp32", "bf16"),
    "curriculum": ([{"name": "one"}], [{"name": "two"}]),
    "selfPlay.pfsp": ("hard", "even"),
    "selfPlay.scriptedPlayers": (["random"], ["engine"]),
    "rewardShaping": ({"mine": 0.1}, {"mine": 0.2}),
    "evaluation.opponents": (["random"], ["aggressive"]),
    "daemon.external.endpoints": (["10.0.0.5:17171"], ["10.0.0.6:17171"]),
    "daemon.auth": ("Token", "None"),
    "daemon.jvm.gc": ("G1", "Parallel"),
    "daemon.jvm.extraOptions": (["-Xss512k"], ["-Xss1m"]),
    "daemon.autoscaling.behavior.scaleUp.policies": POLICIES,
    "daemon.autoscaling.behavior.scaleDown.policies": POLICIES,
    "imagePullPolicy": ("Always", "Never"),
    "checkpoint.storage.s3.endpointUrl": ("http://one:9000", "http://two:9000"),
    "reclaimPolicy": ("Retain", "Delete"),
    "cost.currency": ("EUR", "USD"),
    "stopWhen.opponent": ("random", "aggressive"),
    "daemon.spot": ("Never", "Require"),
    "actor.spot": ("Never", "Require"),
    "learner.spot": ("Never", "Require"),
    "inference.spot": ("Never", "Require"),
    "inference.minReplicas": (1, 2),
    "algorithm.alphaZero.search.method": ("puct", "gumbel"),
    "algorithm.alphaZero.replay.rows": (30_000, 40_000),
    "algorithm.alphaZero.replay.mostRows": (600_000, 700_000),
    "algorithm.alphaZero.replay.leastRows": (100, 200),
}


CONNECT_FOUR: dict[str, Any] = {"environment": {"builtIn": {"name": "connect_four"}}}
BESIDE: dict[str, dict[str, Any]] = {"daemon.embedded": CONNECT_FOUR}
"""What is played where it is not decks of Magic."""
ALPHA_ZERO: dict[str, Any] = {
    **CONNECT_FOUR,
    "algorithm": {"alphaZero": {}},
    "inference": {"maxReplicas": 1000},
}
ONLY_ALPHA_ZERO = ("algorithm.alphaZero", "inference")
ONLY_PPO = (
    "algorithm.ppo",
    "decks",
    "daemon.template",
    "daemon.jvm",
    "daemon.external",
    "daemon.embedded",
    "replay",
    "rewardShaping",
    "curriculum",
    "evaluation.opponents",
    "stopWhen.opponent",
    *(f"selfPlay.{name}" for name in ("latest", "past", "scripted", "scriptedPlayers", "pfsp")),
)
"""Fields that a run of the other algorithm has not, or not with such values."""


REQUIRED: dict[str, dict[str, Any]] = {
    "cost": {"daemonHourly": 0.1},
    "leagueRef": {"name": "league"},
    "stopWhen": {"winRate": 0.9},
}
"""What a section cannot do without."""


def runs_with(path: str, value: Any) -> list[TrainingRun]:
    """Small runs of each algorithm that has the field at ``path``, with the value."""
    found = []
    if not path.startswith(ONLY_ALPHA_ZERO):
        found.append(run_with(path, value))
    if not path.replace("[]", "").startswith(ONLY_PPO):
        found.append(run_with(path, value, beside=ALPHA_ZERO))
    return found


def leaves(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """The fields that hold a value themselves, with their paths below spec."""
    for name, each in schema["properties"].items():
        below = f"{path}.{name}".removeprefix(".")
        if "properties" in each:
            yield from leaves(each, below)
        elif name == "containers":
            fields = leaves(each["items"], f"{below}[]")
            yield from (field for field in fields if not field[0].endswith(".name"))
        elif below == "decks":
            yield from leaves(each["items"], "decks[]")
        else:
            yield below, each


LEAVES = [
    (path, schema)
    for path, schema in leaves(root_schema(DEFINITION)["properties"]["spec"])
    if not is_fixed(path) and len(schema.get("enum", ())) != 1
]


def two_values(path: str, schema: dict[str, Any]) -> tuple[Any, Any]:
    """Two valid values of a field."""
    if path in VALUES:
        return VALUES[path]
    kind = schema.get("type")
    if kind == "object":
        return {"cpu": "1"}, {"cpu": "2"}
    if kind == "boolean":
        return False, True
    if kind == "integer":
        high = schema["maximum"]
        return high - 1, high
    if kind == "number":
        return 0.5 if schema["minimum"] < 0.5 else 2.5, 0.75 if schema["minimum"] < 0.75 else 3.5
    if len(schema.get("enum", ())) > 1:
        return schema["enum"][0], schema["enum"][1]
    return ("one", "two") if kind == "string" else ("1", "2")


def _set(spec: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Set the field; return the object that has it."""
    place: Any = spec
    *above, last = path.split(".")
    for step in above:
        if step.endswith("[]"):
            [place] = place.setdefault(
                step.removesuffix("[]"), [{"name": path.split(".", maxsplit=1)[0]}]
            )
        else:
            place = place.setdefault(step, {})
    place[last] = value
    found: dict[str, Any] = place
    return found


def run_with(path: str, value: Any, *, beside: dict[str, Any] | None = None) -> TrainingRun:
    """A small run whose field at ``path`` has the value."""
    played = beside or BESIDE.get(path, {"decks": [{"name": "red_aggro"}]})
    spec: dict[str, Any] = {"games": 100, **deepcopy(played)}
    if path.startswith("checkpoint.") and path != "checkpoint.size":
        spec["checkpoint"] = {"storage": {"s3": {"bucket": "bucket"}}}
    if path.startswith("replay."):
        spec["leagueRef"] = {"name": "league"}
    if path.startswith("resumeFrom.storage.s3."):
        spec["resumeFrom"] = {"storage": {"s3": {"bucket": "bucket"}}}
    if path.startswith("daemon.external."):
        beside = {"tokenSecretRef": {"name": "theirs"}} if path.endswith(".key") else {}
        spec["daemon"] = {"external": {"endpoints": ["10.0.0.5:17171"], **beside}}
    if path.startswith("daemon.jvm."):
        spec["daemon"] = {"template": asked_of("daemon", image="example/forge:1")}
    if path.startswith("decks[].configMapKeyRef."):
        spec["decks"][0]["configMapKeyRef"] = {"name": "decks", "key": "red_aggro"}
    if path.startswith("learner."):
        spec["learner"] = {"batchTransitions": 16_000_000}
    required = next((each for each in REQUIRED if path.startswith(f"{each}.")), None)
    if required is not None:
        spec[required] = dict(REQUIRED[required])
    place = _set(spec, path, value)
    if path == "daemon.autoscaling.minReplicas":
        place["maxReplicas"] = 2_000_000_000
    return parse(
        {
            "apiVersion": "trainingrun.dev/v1alpha1",
            "kind": "TrainingRun",
            "metadata": {"name": "small"},
            "spec": spec,
        }
    )


def hashes(run: TrainingRun) -> dict[str, str]:
    """What each role's members were started with."""
    made = workloads(run, Settings(), scaled=DAEMONS)
    return {role.value: workload.template_hash for role, workload in made.items()}


def changed_by(
    path: str, schema: dict[str, Any], aspect: Callable[[TrainingRun], dict[str, Any]]
) -> set[str]:
    """The roles, of those that stay, of which an aspect differs between two values of a field."""
    found = set()
    one, other = (runs_with(path, value) for value in two_values(path, schema))
    for run, changed in zip(one, other, strict=True):
        before, after = aspect(run), aspect(changed)
        found |= {role for role in before.keys() & after if before[role] != after[role]}
    return found


def test_a_change_replaces_the_roles_that_the_reference_names() -> None:
    """Those and no others: a change that replaces nothing interrupts nothing."""
    found = {path: changed_by(path, schema, hashes) for path, schema in LEAVES}
    assert found == {path: set(replaced_by(path)) for path in found}


def started_with(run: TrainingRun) -> dict[str, Any]:
    """What each role's members are begun with: the workload, and what they read at their start."""
    config = run_config(run, Settings())
    search = config.alpha_zero
    searched = () if search is None else (search.search, search.inference_servers)
    read = {
        "daemon": (),
        "redis": (),
        "actor": (
            config.seed,
            config.decks,
            config.daemon,
            config.actor,
            config.self_play,
            config.learner.batch_transitions,
        ),
        "selfplay": (config.seed, config.actor, config.learner.batch_transitions, searched),
        "inference": (config.learner.precision,),
        "evaluator": (config.seed, config.decks, config.daemon, config.evaluation, searched),
        "learner": (
            None if search is None else structs.replace(search, search=SearchConfig()),
            config.seed,
            config.learner,
            config.checkpoint,
            config.self_play.snapshot_every_publishes,
            config.league,
        ),
    }
    made = workloads(run, Settings(), scaled=DAEMONS)
    return {
        role.value: (replace(workload, template_hash="", replicas=0), read[role.value])
        for role, workload in made.items()
    }


def test_a_role_that_is_begun_with_a_field_is_replaced_when_it_changes() -> None:
    """Nothing continues with an old value that no one would bring to it."""
    stale = {
        path: changed_by(path, schema, started_with) - set(replaced_by(path))
        for path, schema in LEAVES
    }
    assert {path: roles for path, roles in stale.items() if roles} == {}


def test_servers_that_come_replace_who_asks_them() -> None:
    """Searches learn at their start whether there are any; how many there are, while they play."""
    without = run_with(
        "games", 100, beside={k: ALPHA_ZERO[k] for k in ("environment", "algorithm")}
    )
    one, several = (run_with("inference.maxReplicas", most, beside=ALPHA_ZERO) for most in (1, 9))
    assert hashes(one) == hashes(several)
    before = hashes(without)
    assert {role for role in before if before[role] != hashes(one)[role]} == {
        "selfplay",
        "evaluator",
    }


def test_a_value_that_is_the_default_is_none() -> None:
    """A field that a later version adds, and the API server fills in, replaces no one."""
    given = run_with("daemon.gameTimeoutSeconds", 120)
    assert given.spec.daemon.game_timeout_seconds == 120
    assert hashes(given) == hashes(run_with("games", 100))


EVERY_LEAF = [path for path, _ in leaves(root_schema(DEFINITION)["properties"]["spec"])]


def test_every_field_of_the_schema_stands_in_the_table_once() -> None:
    """A field is fixed, or live, or rolls roles; a new one that no one classified fails here."""
    twice_or_never = [
        path
        for path in EVERY_LEAF
        if not (is_fixed(path) or is_live(path) != bool(replaced_by(path)))
    ]
    assert twice_or_never == []
    assert all(effect(path) for path in EVERY_LEAF)


def test_a_field_that_nobody_classified_is_an_error() -> None:
    """It is not silently called live."""
    with pytest.raises(KeyError, match=r"spec\.surprise"):
        effect("surprise")


def test_the_words_of_a_change() -> None:
    """Learner and other roles are distinguished; a fixed field is one whatever else names it."""
    assert effect("learner.network.width") == "cannot change"
    assert effect("cost.budget") == "at once"
    assert effect("daemon.drainTimeoutSeconds") == "rolls daemon"
    assert effect("learner.batchTransitions") == (
        "rolls actor, selfplay; restarts the learner from a fresh checkpoint"
    )


def test_the_table_names_fields_that_exist() -> None:
    """Each path of the table is a field or the beginning of one."""
    paths = [path.replace("[]", "") for path in EVERY_LEAF]
    for known in (*REPLACED, *LIVE):
        assert any(path == known or path.startswith(f"{known}.") for path in paths), known
