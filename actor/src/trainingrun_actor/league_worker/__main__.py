"""``python -m trainingrun_actor.league_worker``: see ``options``.

Exit codes: 0 stopped on request, 1 a restart may help, 2 a mistake in the configuration.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence

import uvloop
from trainingrun_contracts.run_config import ConfigError

from trainingrun_actor.league_worker.options import read_options
from trainingrun_actor.search_extra import require_search


def main(arguments: Sequence[str] | None = None) -> int:
    """Work until SIGTERM."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        options = read_options(arguments)
        require_search("the worker of a league")
        # Imported here: numba is an extra of the actor's.
        from trainingrun_actor.league_worker.process import work  # noqa: PLC0415

        uvloop.run(work(options))
    except ConfigError as error:
        sys.stderr.write(f"league-worker: {error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
