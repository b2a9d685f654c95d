"""The command ``python -m trainingrun_league``.

Exit codes: 0 it was ended; 1 it failed while it served; 2 an option, a file or the database is not
as it must be, and a line says which.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Final

import uvloop

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import LeagueError, TakenOver
from trainingrun_league.process.backup import back_up, restore
from trainingrun_league.process.log_lines import FewOfEach, Lines
from trainingrun_league.process.options import (
    Options,
    database_of,
    league_name,
    parser,
    settings_of,
    token_seconds,
    with_command,
)
from trainingrun_league.process.places import artefact_place
from trainingrun_league.process.secrets import league_keys, served_certificates
from trainingrun_league.process.serving import Start, serve
from trainingrun_league.server.caller import Caller
from trainingrun_league.server.certificates import authority
from trainingrun_league.server.tokens import TokenKey
from trainingrun_league.store.engine import connect
from trainingrun_league.store.migrating import migrate

_REFUSED: Final = 2
_FAILED: Final = 1
_log: Final = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return the exit code."""
    given = with_command(sys.argv[1:] if arguments is None else arguments)
    options = parser().parse_args(given, Options())
    lines = logging.StreamHandler(sys.stderr)
    lines.addFilter(FewOfEach())
    lines.setFormatter(Lines("%(asctime)s %(levelname)s %(name)s %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[lines])
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        _run(options)
    except LeagueError as error:
        print(f"error: {error}", file=sys.stderr)
        return _REFUSED
    except Exception as error:
        over = _taken_over(error)
        if over is None:
            _log.exception("the league ends: its own work failed")
        else:
            print(f"error: {over}", file=sys.stderr)
        return _FAILED
    return 0


def _taken_over(error: BaseException) -> TakenOver | None:
    """Return that another process serves now, where a service's work ended for that."""
    match error:
        case TakenOver():
            return error
        case BaseExceptionGroup():
            return next(filter(None, map(_taken_over, error.exceptions)), None)
        case _:
            return None


def _run(options: Options) -> None:
    match options.command:
        case "serve":
            uvloop.run(serve(_start(options)))
        case "migrate":
            asyncio.run(_migrate(database_of(options, os.environ)))
        case "backup" | "restore":
            asyncio.run(_copy(options))
        case "token":
            signing = league_keys(options, os.environ).signing
            key = TokenKey(league_name(options.name), signing, time.time)
            caller = Caller(options.subject, Audience(options.audience))
            print(key.issue(caller, seconds=token_seconds(options)))
        case "authority":
            identity = league_keys(options, os.environ).identity
            sys.stdout.write(authority(identity, league_name(options.name)).decode())


def _start(options: Options) -> Start:
    keys = partial(league_keys, options, os.environ)
    settings = settings_of(options, keys().identity, os.environ)
    made = None if options.insecure else served_certificates(settings, options.certificate_name)
    return Start(settings, made, migrates=options.migrate, ready_file=options.ready_file, keys=keys)


async def _copy(options: Options) -> None:
    """Back up or restore, and print what was."""
    where = options.artefacts or str(options.folder / "artefacts")
    place = None if options.without_artefacts else artefact_place(where)
    engine = connect(database_of(options, os.environ))
    try:
        if options.command == "backup":
            name = league_name(options.name)
            done = await back_up(engine, place, options.file, league=name, now=time.time())
        else:
            await migrate(engine)
            done = await restore(engine, place, options.file)
    finally:
        await engine.dispose()
    print(f"{options.file}: {done.rows} rows, {done.artefacts} artefacts, {done.bytes} bytes")


async def _migrate(url: str) -> None:
    engine = connect(url)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()
