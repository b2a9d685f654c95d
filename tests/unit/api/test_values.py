"""Steps, status values, words, and the agreement with the run configuration."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from pydantic import BaseModel
from trainingrun_api import algorithm, play, spec
from trainingrun_api.conditions import (
    ConditionStatus,
    ConditionType,
    EventReason,
    Reason,
    Word,
)
from trainingrun_api.spec import ScalingPolicy
from trainingrun_api.status import (
    Condition,
    ScaleDecisionStatus,
    TrainingRunStatus,
)
from trainingrun_contracts import alphazero_config, policy_format, run_config

ROOT = Path(__file__).resolve().parents[3]
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "value", "replicas", "size"),
    [
        ("Pods", 3, 100, 3),
        ("Percent", 100, 4, 4),
        ("Percent", 10, 4, 1),
        ("Percent", 10, 11, 2),
        ("Percent", 200, 3, 6),
        ("Percent", 50, 0, 1),
    ],
)
def test_a_policy_allows_a_number_or_a_part_rounded_up(
    kind: Literal["Percent", "Pods"], value: int, replicas: int, size: int
) -> None:
    """A part of few is still one."""
    policy = ScalingPolicy(type=kind, value=value, period_seconds=60)
    assert policy.step(replicas) == size


def ready(**fields: Any) -> Condition:
    """A condition that holds."""
    return Condition(
        type=ConditionType.READY,
        status=ConditionStatus.TRUE,
        reason=Reason.ALL_ROLES_SERVE,
        last_transition_time=NOON,
        **fields,
    )


def test_a_status_is_the_same_after_writing_and_reading() -> None:
    """What the operator wrote is what it reads, so that nothing is written twice."""
    decision = ScaleDecisionStatus(at=NOON, from_replicas=1, to_replicas=2, reason="more")
    status = TrainingRunStatus.model_validate(
        {"conditions": (ready(),), "autoscaling": {"last_decision": decision}}
    )
    written = status.document()
    assert TrainingRunStatus.model_validate_json(msgspec.json.encode(written)) == status
    assert written["autoscaling"] == {
        "lastDecision": {
            "at": "2026-01-31T12:00:00Z",
            "from": 1,
            "to": 2,
            "reason": "more",
            "inputs": {},
        }
    }


def test_times_are_whole_seconds_in_utc() -> None:
    """A moment with microseconds in another zone is written as Kubernetes writes times."""
    moment = (NOON + timedelta(microseconds=7)).astimezone(timezone(timedelta(hours=2)))
    status = TrainingRunStatus(started_at=moment)
    assert status.started_at == NOON
    assert status.document() == {"startedAt": "2026-01-31T12:00:00Z"}


def test_a_condition_is_found_by_its_type() -> None:
    """And one that was never set is None."""
    status = TrainingRunStatus(conditions=(ready(),))
    found = status.condition(ConditionType.READY)
    assert found is not None
    assert found.is_true
    assert status.condition(ConditionType.COMPLETE) is None


def test_fields_of_a_newer_operator_are_ignored() -> None:
    """An operator that is rolled back can read the status of its successor."""
    assert TrainingRunStatus.model_validate({"fromTheFuture": 1}) == TrainingRunStatus()


@pytest.mark.parametrize("words", [ConditionStatus, ConditionType, Reason, EventReason])
def test_every_word_is_camel_case_and_documented(words: type[Word]) -> None:
    """The word is what Kubernetes asks for; its meaning is a sentence."""
    for word in words:
        assert str(word).isalnum()
        assert str(word)[0].isupper()
        assert word.meaning.endswith(".")


@pytest.mark.parametrize(
    ("model", "config", "left_out"),
    [
        (algorithm.Ppo, run_config.PpoConfig, set()),
        (
            algorithm.AlphaZero,
            alphazero_config.AlphaZeroConfig,
            {"search", "replay", "inference_servers"},
        ),
        (algorithm.Search, alphazero_config.SearchConfig, set()),
        (algorithm.Replay, alphazero_config.ReplayConfig, set()),
        (spec.Learner, run_config.LearnerConfig, {"ppo", "network", "ranks", "shards"}),
        (spec.Network, policy_format.Network, set()),
        (play.SelfPlay, run_config.SelfPlayConfig, {"scripted_players"}),
        (spec.Evaluation, run_config.EvaluationConfig, {"opponents"}),
        (spec.Daemon, run_config.DaemonConfig, set()),
        (spec.Actor, run_config.ActorConfig, {"stop_seconds"}),
        (spec.Checkpoint, run_config.CheckpointConfig, {"storage", "endpoint_url", "cache"}),
    ],
)
def test_the_run_configuration_has_the_same_fields_and_defaults(
    model: type[BaseModel], config: type[msgspec.Struct], left_out: set[str]
) -> None:
    """A role that is started by hand does what a run with an empty spec does."""
    for field in msgspec.structs.fields(config):
        if field.name not in left_out:
            assert model.model_fields[field.name].default == field.default, field.name


NOTICES = re.compile(r'(?:notify|StorageError)\(\s*"([A-Z]\w+)"')


_FOR_TERMINALS = {"inspection.py"}
"""What refuses a command of a person, not a run."""
_EVENTS_ALONE = {"SpotNotice", "SpotNoticeUnavailable"}
"""About the learner's machine and not the run's state: no condition has them."""


def test_every_notice_of_a_role_has_a_documented_reason() -> None:
    """What the learner reports becomes a condition and an event under the same word."""
    every = (ROOT / "trainer" / "src").rglob("*.py")
    sources = [source for source in every if source.name not in _FOR_TERMINALS]
    told = {reason for source in sources for reason in NOTICES.findall(source.read_text())}
    assert told
    assert told <= {word.value for word in EventReason}
    assert told - _EVENTS_ALONE <= {word.value for word in Reason}
