"""`trainingrun daemons start|status|bench|stop` against a real SSH server on this machine."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from testkit.ports import free_port
from testkit.roles.daemon_process import PROGRAM as DAEMON
from testkit.roles.line_client import said_to
from testkit.servers.ssh_server import SshServer, ssh_server
from testkit.tree import DECKS
from testkit.waiting import until

PROGRAM = Path(sys.executable).with_name("trainingrun")
SERVING = [
    str(DAEMON),
    "--host",
    "127.0.0.1",
    "--port",
    "{port}",
    "--decks",
    str(DECKS),
    "--max-concurrent",
    "3",
]


@dataclass(frozen=True)
class Answer:
    """What the program said, both streams in one, and its exit code."""

    code: int
    text: str

    def pids(self) -> list[int]:
        """The process numbers that it names."""
        return sorted(int(found) for found in re.findall(r"pid (\d+)", self.text))


@dataclass
class Site:
    """One machine (this one, over SSH) as a user's file names it."""

    folder: Path
    server: SshServer
    first_port: int

    @property
    def state(self) -> Path:
        """Folder of pid files and logs."""
        return self.folder / "state of daemons"

    @property
    def endpoints(self) -> list[str]:
        """Of its two daemons."""
        return [f"127.0.0.1:{self.first_port + number}" for number in range(2)]

    def write(self, *, command: list[str] | None = None, **machine: Any) -> Path:
        """The user's file."""
        entry = {
            "host": "127.0.0.1",
            "user": self.server.user,
            "sshPort": self.server.port,
            "key": str(self.server.key),
            "daemons": 2,
            "firstPort": self.first_port,
            **machine,
        }
        document = {"command": command or SERVING, "folder": str(self.state), "machines": [entry]}
        file = self.folder / "machines.yaml"
        file.write_text(json.dumps(document))
        return file

    def begin(self, verb: str, *options: str, known_hosts: Path | None = None) -> Any:
        """Start the program."""
        environment = {**os.environ, "HOME": str(self.folder), "COLUMNS": "200"}
        environment.pop("SSH_AUTH_SOCK", None)
        known = str(known_hosts or self.server.known_hosts)
        trust = ["--known-hosts", known] if verb != "bench" else []
        return subprocess.Popen(
            [PROGRAM, "daemons", verb, "--machines", "machines.yaml", *trust, *options],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, verb: str, *options: str, known_hosts: Path | None = None) -> Answer:
        """Run the program to its end."""
        process = self.begin(verb, *options, known_hosts=known_hosts)
        text, _ = process.communicate(timeout=120)
        assert "Traceback" not in text, text
        return Answer(process.returncode, text)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """This machine over SSH; daemons that a test leaves behind are killed."""
    with ssh_server(tmp_path) as server:
        made = Site(tmp_path, server, free_port(neighbours=1))
        yield made
    for file in made.state.glob("*.pid"):
        pid = int(file.read_text().split()[0])
        if psutil.pid_exists(pid):
            os.kill(pid, signal.SIGKILL)


def is_gone(pid: int) -> Callable[[], bool]:
    """Whether a process has ended; one that no one has waited for yet counts as ended."""

    def check() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return check


def test_the_life_of_daemons(site: Site) -> None:
    """Start, start again, look, lose one, mend it, stop: each daemon once, and at the end none."""
    site.write()
    started = site.run("start")
    assert started.code == 0, started.text
    assert "2 of 2 daemons serve games" in started.text
    assert f"--daemons {','.join(site.endpoints)}" in started.text
    assert len(started.pids()) == 2
    again = site.run("start")
    assert again.code == 0, again.text
    assert again.text.count("runs already") == 2
    assert again.pids() == started.pids(), "none was started twice"
    looked = site.run("status")
    assert (looked.code, looked.pids()) == (0, started.pids()), looked.text
    assert looked.text.count("games 0/3") == 2
    lost = started.pids()[0]
    os.kill(lost, signal.SIGKILL)
    until(is_gone(lost), seconds=10, what="the killed daemon is gone")
    looked = site.run("status")
    assert looked.code == 1
    assert f"ended (was pid {lost})" in looked.text
    mended = site.run("start")
    assert mended.code == 0, mended.text
    assert len(set(mended.pids()) & set(started.pids())) == 1
    assert "runs already" in mended.text
    stopped = site.run("stop")
    assert stopped.code == 0, stopped.text
    assert stopped.pids() == mended.pids()
    for pid in stopped.pids():
        until(is_gone(pid), seconds=10, what=f"{pid} is gone")
    assert site.run("stop").text.count("did not run") == 2


def test_the_bench_counts_games(site: Site) -> None:
    """Expect each daemon and all together, with intervals, and its own counter beside them."""
    site.write()
    assert site.run("start").code == 0
    played = site.run("bench", "--seconds", "3", "--warmup", "1", "--games", "2")
    assert played.code == 0, played.text
    for name in (*site.endpoints, "all"):
        row = re.search(
            rf"^{name} +(\d+) +(\d+) +([\d.]+) +([\d.]+)-([\d.]+) +([\d.]+)", played.text, re.M
        )
        assert row, played.text
        rate, low, high, counted = (float(row[group]) for group in (3, 4, 5, 6))
        assert low < rate < high
        assert counted > 0
    refused = site.run("bench", "--seconds", "3", "--decks", "test_red,nonesuch")
    assert refused.code == 1
    assert "it refuses the game" in refused.text
    assert site.run("stop", "--drain", "5s").code == 0


def test_two_who_start_at_once_start_one_daemon_each(site: Site) -> None:
    """Expect both to end, and one process for each port."""
    site.write()
    both = [site.begin("start") for _ in range(2)]
    said = [each.communicate(timeout=120)[0] for each in both]
    assert any("2 of 2 daemons serve games" in each for each in said) or all(
        "at this moment" in each for each in said
    ), said
    site.run("start")
    ports = [name.rpartition(":")[2] for name in site.endpoints]
    found = [port for process in psutil.process_iter() for port in ports if serves(process, port)]
    assert sorted(found) == ports
    assert site.run("stop").code == 0


def serves(process: psutil.Process, port: str) -> bool:
    """Whether it is the daemon of this port."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return str(DAEMON) in words and port in words


def test_a_daemon_that_cannot_start_shows_its_log(site: Site) -> None:
    """Expect exit code 1 and the end of what it wrote, for every daemon."""
    site.write(command=["/bin/sh", "-c", "echo out of memory at {port} >&2; exit 3"])
    said = site.run("start")
    assert said.code == 1
    assert said.text.count("ended right after its start; the end of its log follows") == 2
    assert f"| out of memory at {site.first_port}\n" in said.text
    assert "0 of 2 daemons serve games" in said.text


def test_nothing_of_the_file_is_executed_by_a_shell(site: Site) -> None:
    """Expect quotes, dollars and semicolons to arrive as they stand, in words and the folder."""
    trap = site.folder / "trap"
    words = [
        f"$(touch {trap})",
        f"a'b\"c; touch {trap}",
        f"`touch {trap}` && touch {trap}",
        "*",
        "",
    ]
    show = 'for word; do printf "<%s>\\n" "$word"; done; exit 1'
    site.write(command=["/bin/sh", "-c", show, "x{port}", *words[:-1]], daemons=1)
    document = json.loads((site.folder / "machines.yaml").read_text())
    folder = f"{site.folder}/it's $(touch {trap.name}); touch {trap.name} &"
    (site.folder / "machines.yaml").write_text(json.dumps({**document, "folder": folder}))
    said = site.run("start")
    assert said.code == 1
    for word in words[:-1]:
        assert f"| <{word}>\n" in said.text
    assert Path(folder, f"{site.first_port}.log").exists()
    assert not trap.exists()
    assert not list(Path.home().glob(trap.name))


def test_who_cannot_be_trusted_or_reached_is_told(site: Site, tmp_path: Path) -> None:
    """Expect one sentence with a remedy for each, and exit code 1."""
    nobody = tmp_path / "nobody"
    nobody.write_text("")
    site.write()
    unknown = site.run("start", known_hosts=nobody)
    assert unknown.code == 1
    assert "its host key is not in known_hosts, or has changed: connect once with `ssh" in (
        unknown.text
    )
    site.write(key=str(tmp_path / "host_key"))
    refused = site.run("status")
    assert refused.code == 1
    assert "it refuses your keys: name the right user and key in the file" in refused.text
    site.write(sshPort=site.first_port)
    away = site.run("stop")
    assert away.code == 1
    assert "cannot be reached (Connection refused): check host, sshPort and key" in " ".join(
        away.text.split()
    )


def test_what_is_in_the_way_is_told(site: Site) -> None:
    """Expect a program that is not there and a port that is taken to be named."""
    site.write(command=["no-such-engine", "--port", "{port}"], daemons=1)
    missing = site.run("start")
    assert missing.code == 1
    assert "there is no program no-such-engine for its user: install it there" in missing.text
    site.write(daemons=1)
    with socket.create_server(("127.0.0.1", site.first_port)):
        taken = site.run("start")
    assert taken.code == 1
    assert f"port {site.first_port} is taken by something that this command did not start" in (
        taken.text
    )


def test_daemons_are_started_with_a_token(site: Site) -> None:
    """Expect them to ask for it, nothing on the machine to show it, and the bench to have it."""
    word = "the-token-of-these-machines"
    (site.folder / "token").write_text(f"{word}\n")
    site.write()
    started = site.run("start", "--token-file", "token")
    assert started.code == 0, started.text
    endpoint = site.endpoints[0]
    game = b"NEWGAME test_red.dck test_blue.dck -q"
    assert said_to(endpoint, game).startswith(b"ERROR: this daemon plays for those who have")
    assert said_to(endpoint, game + f" --token {word}".encode()).startswith(b"GAME_RESULT:")
    for pid in started.pids():
        assert word not in " ".join(psutil.Process(pid).cmdline())
    kept = [each.read_text() for each in site.state.iterdir() if each.is_file()]
    assert not [each for each in (*kept, started.text) if word in each]
    options = ("--seconds", "2", "--warmup", "0")
    refused = site.run("bench", *options)
    assert refused.code == 1
    assert "it refuses the game: this daemon plays for those who have its token" in refused.text
    measured = site.run("bench", "--token-file", "token", *options)
    assert measured.code == 0, measured.text
    missing = site.run("start", "--token-file", "nothing")
    assert missing.code == 2
    assert "the token file nothing cannot be read" in missing.text
