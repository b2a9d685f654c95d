"""A plain machine that `deploy/aws/startup.sh` sets up, in a folder of its own.

The script is run as an instance's user data would run it, with the real programs of this
environment and the plain supervisor. Instance metadata come from the stand-in; ``aws`` is a
stand-in too, a folder in place of S3, because no account is at hand.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from testkit.tree import ROOT
from testkit.waiting import until

SCRIPT = ROOT / "deploy" / "aws" / "startup.sh"
PROGRAMS = Path(sys.executable).parent

# s3://bucket/key is the file $AWS_FOLDER/bucket/key; calls are noted in $AWS_FOLDER/calls. With
# $AWS_FOLDER/error every call fails with that text, as the real program prints it.
_AWS = """\
#!/usr/bin/env bash
set -eu
printf '%s\\n' "$*" >>"$AWS_FOLDER/calls"
if [ -s "$AWS_FOLDER/error" ]; then cat "$AWS_FOLDER/error" >&2; exit 254; fi
place() { case $1 in s3://*) echo "$AWS_FOLDER/${1#s3://}" ;; *) echo "$1" ;; esac; }
case "$1 $2" in
  's3 cp') shift 2; words=()
    for word in "$@"; do case $word in --*) ;; *) words+=("$(place "$word")") ;; esac; done
    if [ ! -e "${words[0]}" ]; then
      echo 'fatal error: An error occurred (404) when calling the HeadObject operation: Key' \\
        'does not exist' >&2; exit 1
    fi
    mkdir -p "$(dirname "${words[1]}")"; cp "${words[0]}" "${words[1]}" ;;
  's3 ls') [ ! -e "$(place "$3")" ] || echo "2026-01-01 00:00:00 1 $(basename "$3")" ;;
  *) ;;
esac
"""


@dataclass
class Machine:
    """One machine; ``settings`` are the script's variables without their ``TRAININGRUN_``."""

    folder: Path
    settings: Mapping[str, str]
    metadata: str
    account: Path | None = None
    """The folder behind ``aws``; none: the program is not there for this machine's scripts."""
    path: tuple[Path, ...] = field(default=())
    """Folders of further stand-ins, before all others."""

    @property
    def state(self) -> Path:
        """The machine's state folder."""
        return self.folder / "state"

    @property
    def data(self) -> Path:
        """The folder below it that its role may write to."""
        return self.state / "data"

    def environment(self) -> dict[str, str]:
        """The script's environment."""
        own = {f"TRAININGRUN_{name}": value for name, value in self.settings.items()}
        found = {
            **os.environ,
            "TRAININGRUN_STATE": str(self.state),
            "TRAININGRUN_PROGRAMS": str(PROGRAMS),
            "TRAININGRUN_SUPERVISOR": "plain",
            "TRAININGRUN_ACCOUNT": getpass.getuser(),
            "TRAININGRUN_POLL_SECONDS": "1",
            "TRAININGRUN_ADDRESS": "127.0.0.1",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": self.metadata,
            **own,
        }
        front = [str(each) for each in self.path]
        if self.account is not None:
            found["AWS_FOLDER"] = str(self.account)
            front.append(str(aws_program(self.account)))
        return {**found, "PATH": os.pathsep.join([*front, os.environ["PATH"]])}

    def run(self, *verb: str, seconds: float = 150) -> subprocess.CompletedProcess[str]:
        """Run the script; both streams are in ``stdout``."""
        self.folder.mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            ["bash", str(SCRIPT), *verb],
            env=self.environment(),
            timeout=seconds,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )

    def start(self) -> str:
        """Start the role; gives what was said. Raises AssertionError when it does not start."""
        done = self.run("start")
        assert done.returncode == 0, done.stdout
        return done.stdout

    def keepers(self) -> dict[str, psutil.Process]:
        """The supervisors by member, the watch too."""
        found = {}
        for file in (self.state / "run").glob("*.pid"):
            try:
                found[file.stem] = psutil.Process(int(file.read_text()))
            except (psutil.NoSuchProcess, ValueError):
                continue
        return found

    def programs(self) -> dict[str, psutil.Process]:
        """The members' programs: those that are no shell any longer."""
        found = {}
        for name, keeper in self.keepers().items():
            with_program = [each for each in _children(keeper) if _is_program(each)]
            if name != "watch" and with_program:
                found[name] = with_program[0]
        return found

    def log(self, name: str) -> str:
        """What a member and its supervisor have written."""
        file = self.state / "run" / f"{name}.log"
        return file.read_text() if file.exists() else ""

    def wait_until_left(self, *, seconds: float = 110) -> float:
        """Wait until the machine is left; gives the seconds from the notice seen to the end."""
        left = self.state / "run" / "left"
        until(left.exists, seconds=seconds, what=f"left:\n{self.log('watch')}")
        seen = float((self.state / "run" / "leaving").read_text())
        return float(left.read_text()) - seen

    def end(self) -> None:
        """kill -9 of all that still runs."""
        processes = [each for keeper in self.keepers().values() for each in _family(keeper)]
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(processes, timeout=10)

    # What a whole run on this machine says of itself.

    def run_status(self, name: str = "small") -> dict[str, Any]:
        """The run's status as its folder has it."""
        file = self.data / "trainingrun" / name / "status.json"
        document = json.loads(file.read_bytes()) if file.exists() else {}
        status: dict[str, Any] = document.get("status", {})
        return status

    def played(self) -> int:
        """Training games that ended."""
        return int(self.run_status().get("games", {}).get("played") or 0)

    def summary(self) -> dict[str, Any]:
        """The summary of the run's report."""
        found: dict[str, Any] = json.loads((self.data / "report" / "summary.json").read_bytes())
        return found


@contextmanager
def machine(
    folder: Path, metadata: str, account: Path | None = None, **settings: str
) -> Iterator[Machine]:
    """A machine of which nothing is left running at the end; it is not started yet."""
    made = Machine(folder, settings, metadata, account)
    try:
        yield made
    finally:
        made.end()


def aws_program(account: Path) -> Path:
    """The folder with the stand-in of ``aws`` for this account."""
    program = account / "bin" / "aws"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(_AWS)
        program.chmod(0o755)
    return program.parent


def calls(account: Path) -> list[str]:
    """What ``aws`` was asked for."""
    file = account / "calls"
    return file.read_text().splitlines() if file.exists() else []


def endpoints_in(said: str) -> str:
    """The endpoints of the line that `trainingrun local` takes."""
    found = re.findall(r"--daemons (\S+)", said)
    assert found, said
    return str(found[-1])


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.NoSuchProcess:
        return []


def _family(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _is_program(process: psutil.Process) -> bool:
    try:
        return "trainingrun-" in " ".join(process.cmdline()[:2]) or "local" in process.cmdline()
    except psutil.Error:
        return False
