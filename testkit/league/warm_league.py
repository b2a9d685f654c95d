"""A league forked from a process that has imported it: a hundred starts take a minute.

What runs is the league's own ``main``, which opens everything after the fork.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from testkit.league.league_process import KEY, LeagueProcess
from testkit.waiting import until

PATIENCE_SECONDS: Final = 120.0
_WARM: Final = multiprocessing.get_context("forkserver")
_WARM.set_forkserver_preload(["trainingrun_league.process.main"])


def serve(arguments: list[str], log: Path, variables: Mapping[str, str]) -> None:
    """Be the league, in a forked process."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.environ.update({"TRAININGRUN_LEAGUE_KEY": KEY} | dict(variables))
    from trainingrun_league.process.main import main

    raise SystemExit(main(arguments))


class WarmLeague(LeagueProcess):
    """A league that is forked instead of started."""

    child: multiprocessing.process.BaseProcess | None = None

    def start(self) -> None:
        """Fork it and wait until it serves."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ready_file.unlink(missing_ok=True)
        arguments = (self.command()[3:], self.log, dict(self.variables))
        self.child = _WARM.Process(target=serve, args=arguments, daemon=True)
        self.child.start()
        until(self._is_ready, what="the league is ready", seconds=PATIENCE_SECONDS)

    def kill(self) -> None:
        """kill -9."""
        if self.child is not None:
            self.child.kill()
            self.child.join()

    def _is_ready(self) -> bool:
        assert self.child is not None
        assert self.child.is_alive(), self.log.read_text()[-4000:]
        return self.ready_file.exists()
