"""The process of the learner: ``trainingrun-learner`` or ``python -m trainingrun_trainer``.

Exit codes: 0 the run is flushed and saved; 2 the user must change something (one sentence on
stderr); 69 saved and ended, because nothing came and no actor lives; 75 stopped by a signal after
saving; 76 a newer learner has started; 1 another rank has ended, what was not saved is lost.

With ``learner.ranks`` above 1 the process starts so many ranks of itself; under ``torchrun`` it is
one of them.
"""

from __future__ import annotations

import logging
import sys
from threading import Event
from typing import Final

from trainingrun_contracts.run_config import ConfigError, load, role_environment
from trainingrun_contracts.stream.read import Fenced

from trainingrun_trainer.assembly import assemble, assist
from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.distributed import RankLost, is_distributed, is_first
from trainingrun_trainer.launch import end_with_launcher, launch
from trainingrun_trainer.link import RedisRefused
from trainingrun_trainer.stop import EXIT_STOPPED, StopRequested, install
from trainingrun_trainer.telemetry import MetricsPortTaken
from trainingrun_trainer.watchdog import EXIT_STARVED, PATIENCE, Patience, Starved

EXIT_USER: Final = 2
EXIT_FENCED: Final = 76
EXIT_RANK_LOST: Final = 1


def main() -> None:
    """Run and exit; threads that still wait for something do not hold the process."""
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    code = run(install())
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    sys.exit(code)


def run(stop: Event, *, patience: Patience = PATIENCE) -> int:
    """Assemble and run a learner from the environment; returns the exit code."""
    try:
        config = load()
        if config.learner.ranks > 1 and not is_distributed():
            return launch(config.learner.ranks)
        end_with_launcher()
        if not is_first():
            assist(config, stop=stop)
            return 0
        environment = role_environment(default_member="learner-0")
        return assemble(config, environment, stop=stop, patience=patience).run()
    except (ConfigError, RedisRefused, StorageError, MetricsPortTaken) as error:
        print(f"trainingrun-learner: {error}", file=sys.stderr)
        return EXIT_USER
    except RankLost as error:
        print(f"trainingrun-learner: {error}", file=sys.stderr)
        return EXIT_RANK_LOST
    except Fenced as error:
        print(f"trainingrun-learner: {error}", file=sys.stderr)
        return EXIT_FENCED
    except Starved as error:
        print(f"trainingrun-learner: {error}", file=sys.stderr)
        return EXIT_STARVED
    except StopRequested:
        return EXIT_STOPPED


if __name__ == "__main__":
    main()
