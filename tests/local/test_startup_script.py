"""startup.sh run for real: start, start again, faults, a spot notice, and the resume after it."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from trainingrun_contracts.run_config import encode

from testkit.local.local_run import ENDLESS, change_games, closes, write_run
from testkit.local.machine import Machine, calls, endpoints_in, machine
from testkit.ports import free_port
from testkit.roles.actor_bed import Bed, config
from testkit.roles.line_client import said_to
from testkit.servers.instance_metadata import InstanceMetadataServer
from testkit.waiting import until

ROOT = Path(__file__).parents[2]
LIMIT_SECONDS = 90.0
pytestmark = pytest.mark.needs("curl", "flock", "setpriv", "setsid")
_DEAF = """\
#!{python}
import signal, socket, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
with socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1]))) as server:
    while True:
        server.accept()
"""


@pytest.fixture
def metadata() -> Iterator[InstanceMetadataServer]:
    """The instance metadata service of a machine."""
    with InstanceMetadataServer() as server:
        server.facts = {"instance-id": "i-0123456789abcdef0", "local-ipv4": "127.0.0.1"}
        yield server


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """The folder in place of an AWS account."""
    folder = tmp_path / "account"
    folder.mkdir()
    return folder


def give_notice(metadata: InstanceMetadataServer) -> None:
    """Two minutes, as AWS gives them."""
    metadata.give_notice("terminate", at=datetime.now(tz=UTC) + timedelta(minutes=2))


def daemons_of(*, count: int = 1) -> dict[str, str]:
    """Settings of a machine with daemons."""
    return {
        "ROLE": "daemon",
        "DAEMON_COUNT": str(count),
        "FIRST_PORT": str(free_port(neighbours=count - 1)),
        "DECKS": str(ROOT / "decks"),
    }


def pids(made: Machine) -> dict[str, int]:
    """The programs by member."""
    return {name: process.pid for name, process in made.programs().items()}


def test_daemons_start_once_come_back_and_leave(
    tmp_path: Path, metadata: InstanceMetadataServer, account: Path
) -> None:
    """Expect a second start to change nothing, a killed daemon to come back, a notice to end all
    with tags that name it, and a later start to begin again."""
    settings = daemons_of(count=2)
    with machine(tmp_path / "one", metadata.endpoint, account, **settings) as made:
        said = made.start()
        first = pids(made)
        assert len(first) == 2
        assert len(endpoints_in(said).split(",")) == 2
        assert "runs already" in made.start()
        assert pids(made) == first
        name = min(first)
        made.programs()[name].kill()
        until(lambda: pids(made).get(name, first[name]) != first[name], seconds=30, what="back")
        until(lambda: made.run("status").returncode == 0, seconds=20, what="all run")
        give_notice(metadata)
        assert made.wait_until_left() < LIMIT_SECONDS
        assert not made.programs()
        assert made.run("status").returncode == 1
        metadata.action = None
        made.start()
        assert len(pids(made)) == 2
    tags = [line.partition("Key=")[2] for line in calls(account) if "create-tags" in line]
    assert "trainingrun:state,Value=leaving" in tags
    assert f"trainingrun:endpoints,Value={endpoints_in(said)}" in tags


@contextmanager
def somebody_asks(lock: Path) -> Iterator[None]:
    """Be in the middle of another question about the same member, as the watch is each second."""
    with lock.open() as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def test_a_run_leaves_its_machine_and_goes_on_on_another(
    tmp_path: Path, metadata: InstanceMetadataServer, account: Path
) -> None:
    """Expect the notice to save everything within its time, and a fresh machine, with nothing but
    the bucket and the checkpoints, to continue from there to the end with a closed ledger."""
    saving = {"storage": {"directory": {"path": str(tmp_path / "bucket")}}, "spotNotice": True}
    (account / "team").mkdir()
    file = write_run(account / "team" / "run.yaml", games=ENDLESS, checkpoint=saving)
    own = {"ROLE": "learner", "RUN": "s3://team/run.yaml", "KEEP": "s3://team/kept"}
    with machine(tmp_path / "daemons", metadata.endpoint, account, **daemons_of()) as engines:
        own["DAEMONS"] = endpoints_in(engines.start())
        with InstanceMetadataServer() as of_learner:
            with machine(tmp_path / "first", of_learner.endpoint, account, **own) as first:
                first.start()
                until(lambda: first.played() >= 20, seconds=90, what=first.log("learner"))
                give_notice(of_learner)
                assert first.wait_until_left() < LIMIT_SECONDS
                assert "everything had ended by itself" in first.log("watch")
                goal = change_games(file, first.played() + 100)
                uid = _uid(first)
            of_learner.action = None
            with machine(tmp_path / "second", of_learner.endpoint, account, **own) as second:
                assert "goes on from what was kept" in second.start()
                until(lambda: second.run("status").returncode == 1, seconds=120, what="the end")
                with somebody_asks(second.state / "run" / "learner.lock"):
                    assert "learner: ended, code 0" in second.run("status").stdout
                assert second.played() >= goal
                assert _uid(second) == uid
                assert closes(second.summary()["ledger"])


def test_a_run_goes_on_when_its_machine_vanishes(
    tmp_path: Path, metadata: InstanceMetadataServer, account: Path
) -> None:
    """Expect the same run, from its newest checkpoint, when nothing else is left of a machine."""
    bucket = tmp_path / "bucket"
    saving = {"storage": {"directory": {"path": str(bucket)}}, "intervalGames": 20}
    file = write_run(tmp_path / "run.yaml", games=ENDLESS, checkpoint=saving)
    own = {"ROLE": "learner", "RUN": str(file), "KEEP": "s3://team/kept"}
    own["DECKS"] = str(ROOT / "decks")
    with machine(tmp_path / "first", metadata.endpoint, account, **own) as first:
        first.start()
        until((first.state / "run" / "known").exists, seconds=60, what="it is known")
        until(lambda: _checkpoints(bucket), seconds=90, what=first.log("learner"))
        first.end()
        uid, saved = _uid(first), _checkpoints(bucket)[-1]
        goal = change_games(file, first.played() + 100)
    with machine(tmp_path / "second", metadata.endpoint, account, **own) as second:
        second.start()
        until(lambda: second.run("status").returncode == 1, seconds=120, what="the end")
        assert "learner: ended, code 0" in second.run("status").stdout, second.log("learner")
        assert _uid(second) == uid
        assert second.played() >= goal
        assert second.run_status()["model"]["version"] > saved
        assert closes(second.summary()["ledger"])


def _checkpoints(bucket: Path) -> list[int]:
    """Steps of the whole checkpoints, oldest first; one that is being written has another name."""
    whole = bucket.glob("small-*/manifest.json")
    return sorted(int(each.parent.name.split("-")[1]) for each in whole)


def _uid(made: Machine) -> str:
    text = (made.data / "trainingrun" / "small" / "status.json").read_text()
    return text.partition('"uid"')[2].split('"')[1]


def test_an_actor_joins_and_is_told_to_stop(
    tmp_path: Path, metadata: InstanceMetadataServer, bed: Bed
) -> None:
    """Expect segments in the run's Redis from an actor that the script has started."""
    file = tmp_path / "config.json"
    file.write_bytes(encode(config()))
    own = {"ROLE": "actor", "CONFIG": str(file), "REDIS_URL": bed.server.url_of("actor")}
    with machine(tmp_path / "actor", metadata.endpoint, **own) as made:
        made.start()
        until(lambda: bed.games() > 0, seconds=60, what=made.log("actor"))
        before = time.monotonic()
        assert "stopped" in made.run("stop").stdout
        assert time.monotonic() - before < LIMIT_SECONDS
        assert not made.programs()
    assert bed.check_ledger().lost == 0


def test_what_does_not_end_is_killed_in_time(
    tmp_path: Path, metadata: InstanceMetadataServer
) -> None:
    """Expect a daemon that ignores its end to be gone all the same, and to be named."""
    program = tmp_path / "programs" / "trainingrun-daemon"
    program.parent.mkdir()
    program.write_text(_DEAF.format(python=sys.executable))
    program.chmod(0o755)
    own = {**daemons_of(), "PROGRAMS": str(program.parent), "NOTICE_SECONDS": "20"}
    with machine(tmp_path / "deaf", metadata.endpoint, **own) as made:
        made.start()
        (name,) = made.programs()
        give_notice(metadata)
        assert made.wait_until_left(seconds=40) < 20
        assert not made.programs()
        assert f"killed, as they had not ended in time: {name}" in made.log("watch")


def test_a_role_that_is_wrongly_set_is_not_started_again(
    tmp_path: Path, metadata: InstanceMetadataServer
) -> None:
    """Expect the program's own sentence once, and no second try."""
    file = tmp_path / "run.yaml"
    file.write_text(
        "apiVersion: trainingrun.dev/v1alpha1\nkind: TrainingRun\nspec: {games: none}\n"
    )
    own = {"ROLE": "learner", "RUN": str(file)}
    with machine(tmp_path / "wrong", metadata.endpoint, **own) as made:
        made.start()
        until(lambda: made.run("status").returncode == 1, seconds=60, what="it ends")
        assert "learner: ended, code 2" in made.run("status").stdout
        assert made.log("learner").count("spec.games") == 1


def test_a_machine_with_a_token(
    tmp_path: Path, metadata: InstanceMetadataServer, account: Path
) -> None:
    """Expect the daemon to ask for it, no command line to show it, and a copy that others cannot
    read; a later start without it leaves none behind."""
    word = "the-token-of-this-machine"
    (account / "bucket").mkdir()
    (account / "bucket" / "token").write_text(f"{word}\n")
    settings = {**daemons_of(), "DAEMON_TOKEN_FILE": "s3://bucket/token"}
    with machine(tmp_path / "one", metadata.endpoint, account, **settings) as made:
        endpoint = endpoints_in(made.start())
        game = b"NEWGAME test_red.dck test_blue.dck -q"
        assert said_to(endpoint, game).startswith(b"ERROR: this daemon plays for those who have")
        assert said_to(endpoint, game + f" --token {word}".encode()).startswith(b"GAME_RESULT:")
        assert (made.state / "daemon.token").stat().st_mode & 0o007 == 0
        for process in made.programs().values():
            assert word not in " ".join(process.cmdline())
        assert word not in (made.state / "machine.env").read_text()
        made.run("stop")
    del settings["DAEMON_TOKEN_FILE"]
    with machine(tmp_path / "one", metadata.endpoint, account, **settings) as made:
        assert said_to(endpoints_in(made.start()), game).startswith(b"GAME_RESULT:")
        assert not (made.state / "daemon.token").exists()
