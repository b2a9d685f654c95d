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
from typing import Final

from trainingrun_league.declaration import Audience
from trainingrun_league.errors import LeagueError
from trainingrun_league.process.options import (
    Options,
    database_of,
    league_name,
    parser,
    settings_of,
    token_seconds,
    with_command,
)
from trainingrun_league.process.secrets import league_key, served_certificates
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
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
    )
    logging.getLogger("alembic").setLevel(logging.WARNING)
    try:
        _run(options)
    except LeagueError as error:
        print(f"error: {error}", file=sys.stderr)
        return _REFUSED
    except Exception:
        _log.exception("the league ends: its own work failed")
        return _FAILED
    return 0


def _run(options: Options) -> None:
    match options.command:
        case "serve":
            asyncio.run(serve(_start(options)))
        case "migrate":
            asyncio.run(_migrate(database_of(options, os.environ)))
        case "token":
            key = TokenKey(league_name(options.name), league_key(options, os.environ), time.time)
            caller = Caller(options.subject, Audience(options.audience))
            print(key.issue(caller, seconds=token_seconds(options)))
        case "authority":
            key_bytes = league_key(options, os.environ)
            sys.stdout.write(authority(key_bytes, league_name(options.name)).decode())


def _start(options: Options) -> Start:
    settings = settings_of(options, league_key(options, os.environ), os.environ)
    made = None if options.insecure else served_certificates(settings, options.certificate_name)
    return Start(settings, made, migrates=options.migrate, ready_file=options.ready_file)


async def _migrate(url: str) -> None:
    engine = connect(url)
    try:
        await migrate(engine)
    finally:
        await engine.dispose()
