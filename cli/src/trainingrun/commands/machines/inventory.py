"""The file that names the machines, and the places of daemons that follow from it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from trainingrun_api.explanation import Problem, problems_from
from trainingrun_api.model import ApiModel

from trainingrun.commands.document import DocumentKind, describe_problems, read_document
from trainingrun.commands.errors import UserError

MACHINES: Final = DocumentKind(
    noun="list of machines",
    fields="machines, and perhaps command and folder",
    example="the one in docs/guides/external-daemons.md",
    option="--machines",
)
PORT: Final = "{port}"
_HOST: Final = re.compile(r"[A-Za-z0-9]([-.A-Za-z0-9]*[A-Za-z0-9])?|[0-9A-Fa-f:]+")
_USER: Final = re.compile(r"[A-Za-z0-9_][-.A-Za-z0-9_]*")
_FOLDER: Final = re.compile(r"[^-~\x00-\x1f\x7f][^\x00-\x1f\x7f]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_DEFAULT_COMMAND: Final = ("trainingrun-daemon", "--host", "0.0.0.0", "--port", PORT)  # noqa: S104 (other machines play on it)


def _of_form(form: re.Pattern[str], expected: str) -> AfterValidator:
    def check(value: str) -> str:
        if form.fullmatch(value) is None:
            raise PydanticCustomError("form", "must be {words}", {"words": expected})
        return value

    return AfterValidator(check)


def _plain(value: str) -> str:
    """Whatever goes into a script is quoted; line breaks and the like are mistakes all the same."""
    if not value or _CONTROL.search(value):
        raise PydanticCustomError("form", "must be a word without line breaks")
    return value


Host = Annotated[str, Field(max_length=253), _of_form(_HOST, "the name or address of a machine")]
User = Annotated[str, Field(max_length=64), _of_form(_USER, "the name of a user")]
Port = Annotated[int, Field(ge=1, le=65_535)]
ScriptState = Annotated[str, Field(max_length=1024), AfterValidator(_plain)]
Folder = Annotated[
    str,
    Field(max_length=1024),
    _of_form(_FOLDER, "a folder below the user's home, or an absolute one"),
]
Command = Annotated[tuple[ScriptState, ...], Field(min_length=1, max_length=100)]


class MachineEntry(ApiModel):
    """One machine as the file has it."""

    host: Host = Field(description="Name or address for SSH; an alias of ~/.ssh/config will do.")
    user: User | None = Field(None, description="User there. Default: of ~/.ssh/config, else you.")
    ssh_port: Port | None = Field(None, description="Port of its SSH server. Default: 22.")
    key: ScriptState | None = Field(
        None, description="File of a private key. Default: yours, the agent."
    )
    address: Host | None = Field(
        None, description="Where daemons are reached, when that is not `host`."
    )
    daemons: Annotated[int, Field(ge=1, le=256)] = Field(1, description="Number of daemons.")
    first_port: Port = Field(17171, description="Port of the first; the others follow.")
    command: Command | None = Field(None, description="In place of the file's `command`.")


class MachinesFile(ApiModel):
    """The whole file."""

    command: Command = Field(
        _DEFAULT_COMMAND,
        description="Program and arguments of a daemon; `{port}` becomes its port.",
    )
    folder: Folder = Field(
        ".trainingrun-daemons",
        description="Folder for pid files and logs on each machine, below the user's home.",
    )
    machines: Annotated[tuple[MachineEntry, ...], Field(min_length=1, max_length=256)]


@dataclass(frozen=True)
class DaemonAddress:
    """One daemon: its endpoint for clients, its port, and how it is started."""

    endpoint: str
    port: int
    command: tuple[str, ...]


@dataclass(frozen=True)
class RemoteMachine:
    """One machine with the places of its daemons."""

    name: str
    host: str
    user: str | None
    ssh_port: int | None
    key: str | None
    folder: str
    places: tuple[DaemonAddress, ...]


def read_machines(file: Path) -> tuple[RemoteMachine, ...]:
    """Return the machines of a file.

    Raises:
        UserError: it cannot be read or is not valid; one line per wrong field.
    """
    document = read_document(file, MACHINES)
    try:
        parsed = MachinesFile.model_validate_json(
            json.dumps(document, default=str), by_alias=True, by_name=False
        )
    except ValidationError as error:
        raise UserError(describe_problems(file, problems_from(error, MachinesFile))) from error
    machines = tuple(_machine(parsed, entry) for entry in parsed.machines)
    problems = (*_problems_of(parsed), *_doubles(machines))
    if problems:
        raise UserError(describe_problems(file, problems))
    return machines


def _machine(file: MachinesFile, entry: MachineEntry) -> RemoteMachine:
    address = entry.address or entry.host
    shown = f"[{address}]" if ":" in address else address
    command = entry.command or file.command
    ports = range(entry.first_port, entry.first_port + entry.daemons)
    return RemoteMachine(
        name=f"{entry.user}@{entry.host}" if entry.user else entry.host,
        host=entry.host,
        user=entry.user,
        ssh_port=entry.ssh_port,
        key=entry.key,
        folder=file.folder,
        places=tuple(
            DaemonAddress(f"{shown}:{port}", port, tuple(_filled(word, port) for word in command))
            for port in ports
        ),
    )


def _filled(word: str, port: int) -> str:
    return word.replace(PORT, str(port))


def _problems_of(file: MachinesFile) -> Iterable[Problem]:
    for index, entry in enumerate(file.machines):
        if entry.first_port + entry.daemons - 1 > 65_535:
            yield Problem(
                f"machines[{index}].daemons",
                f"{entry.daemons} daemons from port {entry.first_port} pass port 65535: lower one",
            )
        command = entry.command or file.command
        if entry.daemons > 1 and not any(PORT in word for word in command):
            path = f"machines[{index}].command" if entry.command else "command"
            yield Problem(path, f"has no {PORT}, so all daemons would take one port: add it")


def _doubles(machines: Iterable[RemoteMachine]) -> Iterable[Problem]:
    seen: set[str] = set()
    for index, machine in enumerate(machines):
        for place in machine.places:
            if place.endpoint in seen:
                problem = f"{place.endpoint} is named before: change firstPort, or join the entries"
                yield Problem(f"machines[{index}]", problem)
                break
            seen.add(place.endpoint)
