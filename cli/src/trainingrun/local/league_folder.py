"""The folder of a league on this machine: what outlives its processes, and how it is reached.

.trainingrun/.leagues/NAME/  league.key, league.db, artefacts/   the services' own
                             up.json       what `league up` was asked for, and its processes
                             ready.json    where the services are, while they run
                             services-token  what runs and the command line show to it
                             ca.crt        who signs its certificates
                             league.log, worker-N.log
                             worker-cache/ weights that workers have fetched

The name of the folder above begins with a point, which no run's name does.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, TypeVar

import msgspec
from msgspec import Meta, Struct
from trainingrun_contracts.role_environment import LeagueAccess
from trainingrun_contracts.run_config import LEAGUE_TOKEN_FILE

Kept = TypeVar("Kept", bound=Struct)

_MOST_BYTES: Final = 1024 * 1024
FOLDER: Final = ".leagues"


class LeagueFolderError(Exception):
    """A file of the folder cannot be used; the message is for people."""


class StartedProcess(Struct, frozen=True):
    """A process that ``league up`` has started: its id, and when it began, because ids return."""

    pid: Annotated[int, Meta(gt=1)]
    created: float


class Up(Struct, frozen=True):
    """What a league was brought up with."""

    environment: str
    league: StartedProcess
    workers: tuple[StartedProcess, ...] = ()


class Ready(Struct, frozen=True):
    """Where a league is, as its process has written it."""

    pid: int
    services: dict[str, str]
    encrypted: bool = True
    metrics: int | None = None
    web: str | None = None


@dataclass(frozen=True)
class LeagueFolder:
    """Paths of one league; ``root`` is absolute."""

    root: Path

    @property
    def name(self) -> str:
        """Of the league."""
        return self.root.name

    @property
    def up(self) -> Path:
        """What it was brought up with."""
        return self.root / "up.json"

    @property
    def ready(self) -> Path:
        """Where its services are."""
        return self.root / "ready.json"

    @property
    def key(self) -> Path:
        """What signs its tokens, and what its identity follows from."""
        return self.root / "league.key"

    @property
    def token(self) -> Path:
        """What runs and the command line show to it."""
        return self.root / LEAGUE_TOKEN_FILE  # learners of this machine read it anew

    @property
    def authority(self) -> Path:
        """Who signs its certificates."""
        return self.root / "ca.crt"

    @property
    def log(self) -> Path:
        """What the services log."""
        return self.root / "league.log"

    def worker_log(self, number: int) -> Path:
        """What a worker logs."""
        return self.root / f"worker-{number}.log"

    @property
    def worker_cache(self) -> Path:
        """Weights that workers have fetched."""
        return self.root / "worker-cache"

    def read_up(self) -> Up | None:
        """Return what it was brought up with; None where it is not up.

        Raises:
            LeagueFolderError: the file cannot be read.
        """
        return _read(self.up, Up)

    def read_ready(self) -> Ready | None:
        """Return where it is; None where it does not serve.

        Raises:
            LeagueFolderError: the file cannot be read.
        """
        return _read(self.ready, Ready)

    def read_access(self) -> LeagueAccess | None:
        """Return what it wants to know of who calls; None where it was never up.

        Raises:
            LeagueFolderError: the files cannot be read.
        """
        try:
            token = self.token.read_text("ascii").strip()
            authority = self.authority.read_bytes() if self.authority.exists() else None
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise LeagueFolderError(f"{self.root} cannot be read: {error}") from error
        return LeagueAccess(token, authority)


def league_folder(state: Path, name: str) -> LeagueFolder:
    """Return the folder of a league, which may not be there."""
    return LeagueFolder((state / FOLDER / name).absolute())


def league_names(state: Path) -> tuple[str, ...]:
    """Return the leagues that have a folder."""
    return tuple(sorted(path.parent.name for path in (state / FOLDER).glob("*/up.json")))


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(_MOST_BYTES), type=kind)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as error:
        raise LeagueFolderError(f"{path} cannot be read: {error}") from error
