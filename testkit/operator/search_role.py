"""A role of the second algorithm as a process: ``python -m testkit.operator.search_role ROLE``.

It keeps the contract of its part and computes nothing: workers count games until they are to drain,
the trainer ends well when it is to flush.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, Final

import redis
from trainingrun_contracts.reports import (
    ActorReport,
    ActorState,
    EvaluatorReport,
    EvaluatorState,
    Intent,
    LearnerReport,
    LearnerState,
    Report,
    intent_from,
    queue_report,
)
from trainingrun_contracts.run_config import (
    CONFIG_VARIABLE,
    HEALTH_FILE_VARIABLE,
    MEMBER_VARIABLE,
    REDIS_URL_VARIABLE,
    decode,
)
from trainingrun_contracts.stream.keys import Keys

from testkit.operator.second_algorithm import ARENA, TRAINER, WORKERS

_PAUSE_SECONDS: Final = 0.1


def report_of(role: str, member: str, intent: Intent) -> Report:
    """What a member says of itself now."""
    now = time.time()
    if role == WORKERS.value:
        state = ActorState.PLAYING if intent is Intent.RUN else ActorState.DRAINED
        return ActorReport(member, now, state, int(intent is Intent.RUN), 0, 0, 0, 0.0, 0, 0, 0)
    if role == TRAINER.value:
        state_of_trainer = LearnerState.SAVED if intent is Intent.FLUSH else LearnerState.TRAINING
        return LearnerReport(member, now, state_of_trainer, 1, 0, 0, 0)
    assert role == ARENA.value
    return EvaluatorReport(member, now, EvaluatorState.WAITING, 0, 0, 0)


def main(role: str) -> None:
    """Report, again and again, and do what the run is asked to do."""
    keys = Keys(decode(Path(os.environ[CONFIG_VARIABLE]).read_bytes()).run_id)
    client: Any = redis.from_url(os.environ[REDIS_URL_VARIABLE])
    health, member = Path(os.environ[HEALTH_FILE_VARIABLE]), os.environ[MEMBER_VARIABLE]
    while True:
        intent = intent_from(client.get(keys.intent))
        if role == WORKERS.value and intent is Intent.RUN:
            client.hincrby(keys.games, "played", 1)
        with client.pipeline() as pipe:
            queue_report(pipe, keys, report_of(role, member, intent))
            pipe.execute()
        health.touch()
        if role == TRAINER.value and intent is Intent.FLUSH:
            return
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main(sys.argv[1])
