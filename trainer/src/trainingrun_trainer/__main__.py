"""The process of the learner: ``trainingrun-learner`` or ``python -m trainingrun_trainer``.

Exit codes are those of ``contracts.exit_codes``; all but 0 and 75 come with a sentence
on stderr.

With ``learner.ranks`` above 1 the process starts that number of ranks of itself; under ``torchrun``
it is one of them.
"""

from __future__ import annotations

import logging
import sys
from typing import Final

from trainingrun_contracts.exit_codes import ExitCode
from trainingrun_contracts.role_environment import load, role_environment
from trainingrun_contracts.run_config import ConfigError
from trainingrun_contracts.stream.read import Fenced

from trainingrun_trainer.checkpoint.store import StorageError
from trainingrun_trainer.distributed import RankLost, is_distributed, is_first
from trainingrun_trainer.factory import assemble, assist, require_supported
from trainingrun_trainer.launch import end_with_launcher, launch
from trainingrun_trainer.link import RedisRefused
from trainingrun_trainer.recovery import WeightsNotFinite
from trainingrun_trainer.stop import Stop, StopRequested, install
from trainingrun_trainer.telemetry import MetricsPortTaken
from trainingrun_trainer.watchdog import TIMEOUTS, Starved, Timeouts

_CODES: Final[dict[type[Exception], ExitCode]] = {
    ConfigError: ExitCode.WRONG,
    MetricsPortTaken: ExitCode.WRONG,
    RankLost: ExitCode.LOST,
    Fenced: ExitCode.FENCED,
    Starved: ExitCode.STARVED,
    WeightsNotFinite: ExitCode.NON_FINITE,
}


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


def run(stop: Stop, *, patience: Timeouts = TIMEOUTS) -> int:
    """Assemble and run a learner from the environment; returns the exit code."""
    try:
        config = load()
        require_supported(config)
        if config.learner.ranks > 1 and not is_distributed():
            return launch(config.learner.ranks)
        end_with_launcher()
        if not is_first():
            assist(config, stop=stop)
            return 0
        environment = role_environment(default_member="learner-0")
        with stop.ends_waiting():
            learner = assemble(config, environment, stop=stop, patience=patience)
        return learner.run()
    except StopRequested:
        return ExitCode.INTERRUPTED
    except (RedisRefused, StorageError) as error:
        print(f"trainingrun-learner: {error}", file=sys.stderr)
        return error.exit_code
    except Exception as error:  # the top of the process: what has a code of its own ends with it
        code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), None)
        if code is None:
            raise
        print(f"trainingrun-learner: {error}", file=sys.stderr)
        return code


if __name__ == "__main__":
    main()
