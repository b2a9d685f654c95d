"""``trainingrun-actor``: the command line of its roles, and the only place that ends the process.

Exit codes: 0 stopped on request, 1 a restart may help, 2 a mistake in the configuration.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import uvloop
from trainingrun_contracts.role_environment import load, role_environment
from trainingrun_contracts.run_config import ConfigError

from trainingrun_actor.evaluator import evaluate
from trainingrun_actor.play import play
from trainingrun_actor.search_extra import require_search
from trainingrun_actor.startup import StartError
from trainingrun_actor.watchdog import POINTER_SECONDS, NoPointer


def main(
    arguments: Sequence[str] | None = None, *, pointer_seconds: float = POINTER_SECONDS
) -> int:
    """Run a role until it is asked to stop."""
    role = _parser().parse_args(arguments).role
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        config = load()
        if role == "selfplay":
            environment = role_environment(default_member="selfplay-0")
            uvloop.run(_selfplay()(config, environment, pointer_seconds=pointer_seconds))
        elif role == "play":
            environment = role_environment(default_member="actor-0")
            uvloop.run(play(config, environment, pointer_seconds=pointer_seconds))
        else:
            environment = role_environment(default_member="evaluator-0")
            uvloop.run(evaluate(config, environment, pointer_seconds=pointer_seconds))
    except ConfigError as error:
        return _fail(error, 2)
    except (StartError, NoPointer) as error:
        return _fail(error, 1)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return 0
    return 0


def _selfplay() -> Callable[..., Coroutine[Any, Any, None]]:
    """Return the role that searches; imported here, so that other roles need no numba.

    Raises:
        ConfigError: the search is not installed.
    """
    require_search("self-play")
    from trainingrun_actor.selfplay.process import selfplay  # noqa: PLC0415 (see above)

    return selfplay


def _fail(error: Exception, code: int) -> int:
    sys.stderr.write(f"trainingrun-actor: {error}\n")
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trainingrun-actor",
        description="Plays games for a training run. What to play is read from the file that"
        " TRAININGRUN_CONFIG names; TRAININGRUN_REDIS_URL says where the run's Redis is.",
    )
    roles = parser.add_subparsers(dest="role", required=True, metavar="ROLE")
    roles.add_parser("play", help="play training games and fill the rollout queue")
    roles.add_parser("selfplay", help="search games against itself and fill the rollout queue")
    roles.add_parser("evaluate", help="play frozen weights against the scripted opponents")
    return parser


if __name__ == "__main__":
    sys.exit(main())
