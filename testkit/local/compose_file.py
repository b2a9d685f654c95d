"""docker-compose.yml without containers: each service's own command, as a process of this machine.

What a container engine gives is put in its place: names of services become loopback addresses,
volumes and configs become folders and files, ports become free ones. A service's environment is
what the file says and nothing of ours, so a variable that is missing there is missing here.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from testkit.ports import free_port
from testkit.tree import DECKS, ROOT
from testkit.waiting import until

FILE = ROOT / "docker-compose.yml"
_VARIABLE = re.compile(r"\$(?:(\$)|\{(\w+)(?::(-|\?)([^}]*))?\})")


class MissingVariable(Exception):
    """A variable that the file insists on is not set; the message is the file's own."""


def read_compose(variables: Mapping[str, str], file: Path = FILE) -> dict[str, Any]:
    """The file as Compose sees it: with its variables in place."""
    found: dict[str, Any] = _filled(yaml.safe_load(file.read_text()), variables)
    return found


def _filled(value: Any, variables: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _filled(each, variables) for key, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, variables) for each in value]
    return _text(value, variables) if isinstance(value, str) else value


def _text(text: str, variables: Mapping[str, str]) -> str:
    def put(match: re.Match[str]) -> str:
        dollar, name, kind, other = match.groups()
        if dollar:
            return "$"
        value = variables.get(name, "")
        if not value and kind == "?":
            raise MissingVariable(f"{name}: {other}")
        return value or (other if kind == "-" else "")

    return _VARIABLE.sub(put, text)


@dataclass
class Here:
    """The services as processes below ``folder``; ``programs`` are paths of third-party programs.

    ``ports`` are those that each service listens on in its container, ``replicas`` how many of one
    are started. Attributes that follow are filled while services start.
    """

    compose: Mapping[str, Any]
    folder: Path
    ports: Mapping[str, tuple[int, ...]]
    programs: Mapping[str, str]
    replicas: Mapping[str, int]
    running: dict[str, list[subprocess.Popen[bytes]]] = field(default_factory=dict)
    _local: dict[tuple[str, int, int], int] = field(default_factory=dict)

    def start(self, name: str) -> None:
        """Start a service once what it depends on is as the file demands."""
        for other, how in self.service(name).get("depends_on", {}).items():
            if other not in self.running:
                self.start(other)
            self._await(other, how["condition"])
        for number in range(self.replicas.get(name, 1)):
            self._start(name, number)

    def service(self, name: str) -> dict[str, Any]:
        """What the file says of a service."""
        found: dict[str, Any] = self.compose["services"][name]
        return found

    def port(self, name: str, port: int, number: int = 0) -> int:
        """Where a port of a service is on this machine."""
        key = (name, port, number)
        if key not in self._local:
            self._local[key] = free_port()
        return self._local[key]

    def log(self, name: str, number: int = 0) -> Path:
        """What a service has written."""
        return self.folder / f"{name}-{number}.log"

    def said(self) -> str:
        """The end of all output, for people who search for what went wrong."""
        logs = sorted(self.folder.glob("*.log"))
        return "\n".join(f"== {log.name}\n{log.read_text()[-1500:]}" for log in logs)

    def wait(self, holds: Callable[[], object], *, seconds: float, what: str) -> None:
        """Wait until it holds; where it does not, the error holds the services' output, too."""
        try:
            until(holds, seconds=seconds, what=what, every=0.5)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said()}") from None

    def is_healthy(self, name: str) -> bool:
        """Whether the service's own health check says so, of every replica."""
        test = self.service(name)["healthcheck"]["test"]
        assert test[0] == "CMD", f"{name}: a check without a shell of its own"
        return all(
            subprocess.run(
                self.translated(name, number, test[1:]),
                check=False,
                capture_output=True,
                env=self._environment(name, number),
                timeout=20,
            ).returncode
            == 0
            for number in range(self.replicas.get(name, 1))
        )

    def stop(self) -> None:
        """End every service: the roles first, as Compose does."""
        for processes in reversed(self.running.values()):
            for process in processes:
                process.terminate()
            for process in processes:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def translated(self, name: str, number: int, words: list[str]) -> list[str]:
        """Words of a service with this machine's addresses, paths and ports in them."""
        return [self._translated(name, number, str(word)) for word in words]

    def _translated(self, name: str, number: int, text: str) -> str:
        """All in one go, so that nothing is searched for in what was put in."""
        places = {
            rf"(?<![\w./-]){re.escape(inside)}(?![\w-])": outside
            for inside, outside in sorted(self._paths(name, number), reverse=True)
        }
        places |= {
            rf"(?<![\w-]){other}:{port}\b": self._addresses(other, port)
            for other, ports in self.ports.items()
            for port in ports
        }
        places |= {
            rf"(?<!\d){port}(?!\d)": str(self.port(name, port, number))
            for port in self.ports.get(name, ())
        }
        places[r"0\.0\.0\.0"] = "127.0.0.1"
        every = re.compile("|".join(f"({pattern})" for pattern in places))
        put = list(places.values())
        return every.sub(lambda match: put[(match.lastindex or 0) - 1], text)

    def _addresses(self, name: str, port: int) -> str:
        return ",".join(
            f"127.0.0.1:{self.port(name, port, number)}"
            for number in range(self.replicas.get(name, 1))
        )

    def _paths(self, name: str, number: int) -> Iterator[tuple[str, str]]:
        """Each path inside a service's container, and where it is here."""
        yield "/tmp", str(self._made(self.folder / f"tmp-{name}-{number}"))
        yield "/decks", str(DECKS)  # a part of the daemon's image
        for volume in self.service(name).get("volumes", []):
            source, target, *_ = volume.split(":")
            where = self.folder / source if "/" not in source else (ROOT / source).resolve()
            yield target, str(self._made(where) if "/" not in source else where)
        for each in self.service(name).get("configs", []):
            yield each["target"], str(self._config(name, each["source"], Path(each["target"]).name))

    def _config(self, name: str, source: str, file: str) -> Path:
        """A config as a file, with addresses that mean something here."""
        given = self.compose["configs"][source]
        where = self._made(self.folder / f"configs-{name}") / file
        if not where.exists():
            text = given.get("content") or (ROOT / given["file"]).read_text()
            where.write_text(text)
            if where.suffix == ".yml":
                where.write_text(self._translated(name, 0, text))
        return where

    def _made(self, folder: Path) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def _environment(self, name: str, number: int) -> dict[str, str]:
        given = self.service(name).get("environment", {})
        ours = {key: self._translated(name, number, str(value)) for key, value in given.items()}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {"PATH": path, "HOME": str(self.folder), "LANG": "C.UTF-8", **ours}

    def _start(self, name: str, number: int) -> None:
        service = self.service(name)
        words = [*service.get("entrypoint", []), *service.get("command", [])]
        program = self.programs.get(words[0]) or shutil.which(
            words[0], path=self._environment(name, number)["PATH"]
        )
        assert program is not None, f"{name}: {words[0]} is not here"
        command = [program, *self.translated(name, number, words[1:])]
        with self.log(name, number).open("wb") as log:
            process = subprocess.Popen(
                command,
                env=self._environment(name, number),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._made(self.folder / "here"),
            )
        self.running.setdefault(name, []).append(process)

    def _await(self, name: str, condition: str) -> None:
        if condition == "service_completed_successfully":
            codes = [process.wait(60) for process in self.running[name]]
            assert not any(codes), self.said()
            return
        assert condition == "service_healthy", condition
        self.wait(lambda: self.is_healthy(name), seconds=90, what=f"{name} is healthy")
