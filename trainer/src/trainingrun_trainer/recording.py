"""``python -m trainingrun_trainer.recording``: write evaluations beside their checkpoints.

The last evaluation of a run ends after its learner has. The evaluator may not reach the storage, so
this program does it, in the learner's place and with the learner's environment: it reads the
evaluations from Redis, and adds them to the curves as well where this machine has the run's event
files. It may run again at any time; what is written already is left alone.

Exit codes: 0 all is written; 1 Redis or the storage could not be used, with a sentence on stderr.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Any, Final

import redis
from trainingrun_contracts.connection import blocking_client, why_unreachable
from trainingrun_contracts.reports import Evaluation, evaluations_from
from trainingrun_contracts.role_environment import load, role_environment
from trainingrun_contracts.run_config import ConfigError, RunConfig
from trainingrun_contracts.stream.keys import Keys

from trainingrun_trainer.checkpoint.archive import Owner, open_archive, open_cache
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.telemetry import add_evaluations, event_folder

_log = logging.getLogger(__name__)
_FAILED: Final = 1
_RETRIES: Final = 10


class QueueUnusable(Exception):
    """Redis did not say what was evaluated; the message is for the user."""


def main() -> None:
    """Record what Redis holds, and exit."""
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    try:
        config, environment = load(), role_environment(default_member="learner-0")
        record(config, reported_evaluations(environment.redis_url, Keys(config.run_id)))
    except (ConfigError, QueueUnusable, StorageError) as error:
        print(f"trainingrun-recording: {error}", file=sys.stderr)
        sys.exit(_FAILED)


def reported_evaluations(url: str, keys: Keys) -> tuple[Evaluation, ...]:
    """Return the evaluations that Redis holds, oldest first.

    Raises:
        QueueUnusable: it cannot be asked.
    """
    try:
        with blocking_client(url, retries=_RETRIES) as client:
            reply: Any = client.lrange(keys.evaluations, 0, -1)
    except (redis.RedisError, OSError) as error:
        raise QueueUnusable(why_unreachable(error, url)) from error
    except ValueError as error:
        raise QueueUnusable(f"Redis URL: {error}") from error
    return evaluations_from(reply)


def record(config: RunConfig, evaluations: Sequence[Evaluation]) -> None:
    """Write evaluations into the run's storage, into the cache beside it, and into the curves.

    Raises:
        StorageError: the storage cannot be used; the curves are written all the same.
    """
    folder = event_folder(config)
    if folder is not None and folder.is_dir():
        add_evaluations(folder, evaluations)
    owner = Owner(config.run, config.run_id, config.namespace)
    storage = open_archive(config.checkpoint, run=config.run, owner=owner)
    cache = open_cache(config.checkpoint, run=config.run, owner=owner)
    for archive in (storage,) if cache is None else (cache, storage):
        archive.attach_due(evaluations)
    _log.info("%d evaluations stand beside their checkpoints", len(evaluations))


if __name__ == "__main__":
    main()
