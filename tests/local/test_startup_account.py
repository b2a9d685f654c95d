"""startup.sh run by root: the role's account gains nothing over what root runs and reads."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from testkit.local.machine import machine
from testkit.ports import free_port
from testkit.servers.instance_metadata import InstanceMetadataServer
from testkit.waiting import until

pytestmark = [
    pytest.mark.needs("curl", "flock", "setpriv", "setsid", "useradd"),
    pytest.mark.skipif(os.geteuid() != 0, reason="only root can start roles under an account"),
]

# A program that was taken over: it tries each way to become root, and says how far it came.
_TAKEN_OVER = """\
#!/usr/bin/env python3
import json, os, signal, socket, sys
state, prize, answers = {state!r}, {prize!r}, {answers!r}
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))

def succeeds(attempt):
    try:
        attempt()
        return True
    except OSError:
        return False

def append(path, text):
    with open(path, "a") as file:
        file.write(text)

os.makedirs("trainingrun/small", exist_ok=True)
append("trainingrun/small/status.json", "{{}}")
attempts = {{
    "settings": lambda: append(state + "/machine.env", "PATH=/nowhere\\n"),
    "script": lambda: append(state + "/startup.sh", "\\ntouch " + prize + ".run\\n"),
    "archive": lambda: os.symlink(prize, state + "/kept.new"),
    "note": lambda: os.symlink(prize, state + "/run/known.new"),
    "replace": lambda: os.rename(state + "/run", state + "/run.old"),
    "read": lambda: open(prize).read(),
}}
told = {{name: succeeds(attempt) for name, attempt in attempts.items()}}
if not os.path.lexists("trainingrun/small/link"):
    os.symlink(prize, "trainingrun/small/link")
told["uid"] = os.getuid()
told["is_bound"] = "NoNewPrivs:\\t1" in open("/proc/self/status").read()
with open(answers + "/new", "w") as file:
    json.dump(told, file)
os.replace(answers + "/new", answers + "/told.json")
with socket.create_server(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1]))) as server:
    while True:
        server.accept()
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account can enter, unlike those of pytest."""
    made = Path(tempfile.mkdtemp(prefix="trainingrun-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def account() -> Iterator[str]:
    """The name of an account that is not there yet; it is gone at the end."""
    name = f"trainingrun-{os.getpid()}"
    yield name
    subprocess.run(["userdel", name], capture_output=True, check=False)


def taken_over(folder: Path, prize: Path) -> dict[str, str]:
    """Settings of a machine whose daemon was taken over."""
    program = folder / "programs" / "trainingrun-daemon"
    program.parent.mkdir()
    answers = folder / "answers"
    answers.mkdir(mode=0o777)
    answers.chmod(0o777)
    program.write_text(
        _TAKEN_OVER.format(state=str(folder / "state"), prize=str(prize), answers=str(answers))
    )
    program.chmod(0o755)
    return {
        "ROLE": "daemon",
        "DAEMON_COUNT": "1",
        "FIRST_PORT": str(free_port()),
        "PROGRAMS": str(program.parent),
        "KEEP": str(folder / "kept"),
    }


def test_a_role_that_was_taken_over_does_not_become_root(folder: Path, account: str) -> None:
    """Expect an account of its own, every attempt refused, and an archive without root's files."""
    prize = folder / "prize"
    prize.write_text("root's own")
    prize.chmod(0o600)
    settings = {**taken_over(folder, prize), "ACCOUNT": account}
    with InstanceMetadataServer() as metadata:
        metadata.facts = {"local-ipv4": "127.0.0.1"}
        with machine(folder, metadata.endpoint, **settings) as made:
            made.start()
            told = folder / "answers" / "told.json"
            until(told.exists, seconds=60, what=made.log("watch"))
            answer: dict[str, object] = json.loads(told.read_text())
            assert answer.pop("uid") == pwd.getpwnam(account).pw_uid
            assert answer.pop("is_bound") is True
            assert answer == dict.fromkeys(answer, False)
            until((folder / "kept" / "kept.tar.gz").exists, seconds=60, what=made.log("watch"))
            made.start()
            metadata.give_notice("terminate", at=datetime.now(tz=UTC) + timedelta(minutes=2))
            made.wait_until_left()
    assert prize.read_text() == "root's own"
    assert not (folder / "prize.run").exists()
    with tarfile.open(folder / "kept" / "kept.tar.gz") as archive:
        assert archive.getmember("trainingrun/small/link").issym()


def test_what_was_kept_comes_back_as_the_account_s_own(folder: Path, account: str) -> None:
    """Expect the files of an archive to belong to the role, whatever their owner was."""
    prize = folder / "prize"
    settings = {**taken_over(folder, prize), "ACCOUNT": account, "ROLE": "learner"}
    program = folder / "programs" / "trainingrun"
    program.write_text("#!/bin/sh\necho more >>trainingrun/small/status.json\n")
    program.chmod(0o755)
    run = folder / "run.yaml"
    run.write_text("spec: {}\n")
    run.chmod(0o600)
    old = folder / "trainingrun" / "small"
    old.mkdir(parents=True)
    (old / "status.json").write_text("{}\n")
    (folder / "kept").mkdir()
    with tarfile.open(folder / "kept" / "kept.tar.gz", "w:gz") as archive:
        archive.add(folder / "trainingrun", "trainingrun")
    with (
        InstanceMetadataServer() as metadata,
        machine(folder, metadata.endpoint, **settings, RUN=str(run)) as made,
    ):
        made.start()
        file = made.data / "trainingrun" / "small" / "status.json"
        until(lambda: file.read_text().endswith("more\n"), seconds=60, what=made.log("learner"))
        assert file.owner() == account
        assert file.read_text().startswith("{}\nmore\n"), made.log("learner")


def test_a_folder_of_another_account_is_refused(folder: Path, account: str) -> None:
    """Expect no start where somebody else could replace what root runs."""
    settings = {**taken_over(folder, folder / "prize"), "ACCOUNT": account}
    (folder / "state" / "run").mkdir(parents=True)
    os.chown(folder / "state", pwd.getpwnam("nobody").pw_uid, 0)
    with (
        InstanceMetadataServer() as metadata,
        machine(folder, metadata.endpoint, **settings) as made,
    ):
        done = made.run("start")
    assert done.returncode == 2
    assert "belongs to nobody, who could replace what root runs here" in done.stdout
    assert not (folder / "state" / "machine.env").exists()
