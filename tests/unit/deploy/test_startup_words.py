"""startup.sh: wrong settings and AWS's errors become one plain sentence; nothing is left behind."""

from __future__ import annotations

import getpass
import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.needs("curl")


def run(
    script: Path, folder: Path, *verb: str, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run the script with these variables, in a folder of its own."""
    own = {f"TRAININGRUN_{name}": value for name, value in settings.items()}
    environment = {
        "PATH": os.environ["PATH"],
        "TRAININGRUN_STATE": str(folder / "state"),
        "TRAININGRUN_SUPERVISOR": "plain",
        "TRAININGRUN_ACCOUNT": getpass.getuser(),
        "TRAININGRUN_PROGRAMS": str(folder / "programs"),
        **own,
    }
    return subprocess.run(
        ["bash", str(script), *verb],
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@pytest.fixture
def script(aws: Path) -> Path:
    """The script."""
    return aws / "startup.sh"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "TRAININGRUN_ROLE is not set: give daemon, learner or actor"),
        ({"ROLE": "cook"}, "TRAININGRUN_ROLE='cook': give daemon, learner or actor"),
        ({"ROLE": "daemon", "DAEMON_COUNT": "many"}, "give a whole number from 1 to 512"),
        ({"ROLE": "daemon", "DAEMON_COUNT": "0"}, "give a whole number from 1 to 512"),
        ({"ROLE": "daemon", "FIRST_PORT": "80"}, "give a whole number from 1024 to 65000"),
        ({"ROLE": "daemon", "NOTICE_SECONDS": "300"}, "give a whole number from 20 to 110"),
        ({"ROLE": "daemon", "SUPERVISOR": "init"}, "give systemd or plain"),
        ({"ROLE": "learner"}, "TRAININGRUN_RUN is not set: give the TrainingRun"),
        ({"ROLE": "actor"}, "TRAININGRUN_CONFIG is not set: give the run configuration"),
        ({"ROLE": "actor", "CONFIG": "x"}, "TRAININGRUN_REDIS_URL is not set"),
        ({"ROLE": "daemon", "ACCOUNT": "a b"}, "give the name of an account"),
        ({"ROLE": "daemon"}, "trainingrun-daemon is not there: give TRAININGRUN_PACKAGES"),
        (
            {"ROLE": "learner", "RUN": "run.yaml", "IMAGES": "registry/trainingrun"},
            "exclude one another: a whole run needs the installed programs",
        ),
    ],
)
def test_wrong_settings(script: Path, tmp_path: Path, settings: dict[str, str], said: str) -> None:
    """Expect one sentence, exit code 2, and nothing started."""
    done = run(script, tmp_path, "start", **settings)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list((tmp_path / "state" / "run").glob("*")) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["dance"], "'dance' is no verb: give start, status, stop, leave or --help"),
        (["status"], "machine.env: not there; run 'startup.sh start' first"),
        (["member"], "member NAME: the name is missing"),
        (["stop", "now"], "stop takes no more words"),
    ],
)
def test_wrong_verbs(script: Path, tmp_path: Path, words: list[str], said: str) -> None:
    """Expect one sentence and exit code 2."""
    done = run(script, tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr


def test_help_tells_the_verbs(script: Path, tmp_path: Path) -> None:
    """Expect the head of the file, without its marks."""
    done = run(script, tmp_path, "--help")
    assert done.returncode == 0
    assert done.stdout.startswith("startup.sh: makes a plain machine a member")
    assert "startup.sh status" in done.stdout
    assert "set -euo" not in done.stdout


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            "Unable to locate credentials. You can configure credentials by running"
            ' "aws configure".',
            "there are no AWS credentials: give the instance the profile",
        ),
        (
            "An error occurred (ExpiredToken) when calling the ListObjectsV2 operation: The"
            " provided token has expired.",
            "the AWS credentials have expired: sign in again",
        ),
        (
            "An error occurred (AuthFailure) when calling the CreateTags operation: AWS was not"
            " able to validate the provided access credentials",
            "AWS does not know these credentials, or not in this region",
        ),
        (
            'You must specify a region. You can also configure your region by running "aws'
            ' configure".',
            "no region is set: give AWS_REGION",
        ),
        (
            'Could not connect to the endpoint URL: "https://ec2.eu-centrl-1.amazonaws.com/"',
            "see that the region is spelt right",
        ),
        (
            "An error occurred (VcpuLimitExceeded) when calling the RunInstances operation: You"
            " have requested more vCPU capacity than your current vCPU limit of 0 allows for the"
            " instance bucket that the specified instance type belongs to.",
            "the account's quota of vCPUs does not allow it: ask for more in Service Quotas",
        ),
        (
            "An error occurred (MaxSpotInstanceCountExceeded) when calling the RunInstances"
            " operation: Max spot instance count exceeded",
            "the account's quota of vCPUs does not allow it",
        ),
        (
            "An error occurred (InsufficientInstanceCapacity) when calling the RunInstances"
            " operation (reached max retries: 4): We currently do not have sufficient c5.4xlarge"
            " capacity in the Availability Zone you requested (eu-central-1a).",
            "AWS has no such machine left in these zones now",
        ),
        (
            "An error occurred (InvalidParameterValue) when calling the RunInstances operation:"
            " Invalid value 'c99.huge' for InstanceType.",
            "the instance type is not known or not offered there",
        ),
        (
            "An error occurred (Unsupported) when calling the RunInstances operation: Your"
            " requested instance type (g4dn.xlarge) is not supported in your requested"
            " Availability Zone (eu-central-1c).",
            "the instance type is not known or not offered there",
        ),
        (
            "An error occurred (UnauthorizedOperation) when calling the CreateTags operation:"
            " You are not authorized to perform this operation.",
            "the right to do it is missing",
        ),
        (
            "fatal error: An error occurred (404) when calling the HeadObject operation: Key"
            ' "run.yaml" does not exist',
            "there is nothing at that address",
        ),
        (
            "An error occurred (NoSuchBucket) when calling the ListObjectsV2 operation: The"
            " specified bucket does not exist",
            "the bucket does not exist: take its name from",
        ),
        ("An error occurred (Strange) when calling X: something new", "AWS says: An error"),
    ],
)
def test_errors_of_aws(script: Path, tmp_path: Path, error: str, said: str) -> None:
    """Expect the cause and the remedy from the words that the aws program prints."""
    program = tmp_path / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{error}\nEND\nexit 254\n")
    program.chmod(0o755)
    (tmp_path / "programs").mkdir()
    installed = tmp_path / "programs" / "trainingrun"
    installed.write_text("#!/bin/sh\n")
    installed.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(script)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={
            "PATH": path,
            "TRAININGRUN_STATE": str(tmp_path / "state"),
            "TRAININGRUN_SUPERVISOR": "plain",
            "TRAININGRUN_ROLE": "learner",
            "TRAININGRUN_ACCOUNT": getpass.getuser(),
            "TRAININGRUN_PROGRAMS": str(installed.parent),
            "TRAININGRUN_RUN": "s3://team/run.yaml",
        },
    )
    assert done.returncode == 2
    assert done.stderr.startswith("startup: s3://team/run.yaml: ")
    assert said in done.stderr
    assert list((tmp_path / "state" / "run").glob("*")) == []


def test_in_images_the_program_runs_without_rights(script: Path, tmp_path: Path) -> None:
    """Expect a container with a read-only root, no capability, the host's network and our words."""
    tool = tmp_path / "bin" / "docker"
    tool.parent.mkdir()
    tool.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    tool.chmod(0o755)
    state = tmp_path / "state"
    state.mkdir()
    (state / "machine.env").write_text(
        "TRAININGRUN_ROLE=daemon\nTRAININGRUN_IMAGES=registry/trainingrun\nTRAININGRUN_TAG=1\n"
        "TRAININGRUN_NOTICE_SECONDS=90\n"
    )
    done = subprocess.run(
        ["bash", str(script), "member", "daemon-17171"],
        capture_output=True,
        text=True,
        env={"PATH": f"{tool.parent}:{os.environ['PATH']}", "TRAININGRUN_STATE": str(state)},
        timeout=60,
        check=False,
    )
    words = done.stdout.splitlines()
    assert words[:2] == ["run", "--rm"]
    assert {"--read-only", "--cap-drop", "ALL", "no-new-privileges"} <= set(words)
    assert "registry/trainingrun-daemon:1" in words
    assert words[words.index("--entrypoint") + 1] == "trainingrun-daemon"
    assert words[-6:] == [
        "--port",
        "17171",
        "--max-concurrent",
        "8",
        "--drain-seconds",
        "70",
    ]


def test_units_of_systemd(script: Path, tmp_path: Path) -> None:
    """Expect a unit for each member and the watch, and nothing that systemd finds wrong."""
    units = tmp_path / "units"
    units.mkdir()
    text = f"""
source {script}
STATE={tmp_path}/state SELF={tmp_path}/state/startup.sh IMAGES='' NOTICE_SECONDS=90
DATA=$STATE/data ACCOUNT=trainingrun
mkdir -p $STATE; cp {script} $SELF
TRAININGRUN_UNITS={units}
write_unit daemon-17171 member daemon-17171
write_unit watch watch
"""
    subprocess.run(["bash", "-c", text], check=True, timeout=30)
    daemon = (units / "trainingrun-daemon-17171.service").read_text()
    assert "User=trainingrun\n" in daemon
    assert "KillMode=mixed\n" in daemon
    assert f"ReadWritePaths={tmp_path}/state/data\n" in daemon
    assert "TimeoutStopSec=90\n" in daemon
    assert "startup.sh member daemon-17171\n" in daemon
    assert "User=root\n" in (units / "trainingrun-watch.service").read_text()
    verifier = shutil.which("systemd-analyze")
    if verifier is None:
        pytest.skip("the units were only read: needs systemd-analyze")
    done = subprocess.run(
        [verifier, "verify", "--man=no", *map(str, sorted(units.iterdir()))],
        capture_output=True,
        text=True,
        check=False,
    )
    ours = [line for line in done.stderr.splitlines() if "trainingrun" in line]
    assert [line for line in ours if "User" not in line] == []


def test_what_systemd_is_about_to_end_has_not_ended(script: Path, tmp_path: Path) -> None:
    """Expect to wait while a unit is being stopped, and no longer."""
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = is-active ] || exit 0\n'
        f"echo x >>{tmp_path}/asked\n"
        f'[ "$(wc -l <{tmp_path}/asked)" -gt 3 ] && {{ echo inactive; exit 3; }}\n'
        "echo deactivating; exit 3\n"
    )
    program.chmod(0o755)
    text = f"source {script}; SUPERVISOR=systemd ROLE=learner; end_members 10; echo late: $LATE"
    done = subprocess.run(
        ["bash", "-c", text],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"PATH": f"{program.parent}:{os.environ['PATH']}"},
    )
    assert done.stdout == "late:\n"
    assert len((tmp_path / "asked").read_text().splitlines()) > 3


def test_an_older_python_is_refused(script: Path, tmp_path: Path) -> None:
    """Expect the version that is needed, before anything is made."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("python3", "python3.11", "python3.12", "python3.13"):
        (tools / name).write_text("#!/bin/sh\nexit 1\n")
        (tools / name).chmod(0o755)
    (tools / "dnf").write_text("#!/bin/sh\nexit 1\n")
    (tools / "dnf").chmod(0o755)
    done = subprocess.run(
        ["bash", str(script)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={
            "PATH": f"{tools}:{os.environ['PATH']}",
            "TRAININGRUN_STATE": str(tmp_path / "state"),
            "TRAININGRUN_ROLE": "daemon",
            "TRAININGRUN_PACKAGES": str(tmp_path),
            "TRAININGRUN_PROGRAMS": str(tmp_path / "venv" / "bin"),
        },
    )
    assert done.returncode == 2
    assert "Python 3.11 or newer is missing" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_the_linter_of_shells_finds_nothing(aws: Path) -> None:
    """Expect no remark of shellcheck about our scripts."""
    import sys  # the program lies beside the interpreter

    program = Path(sys.executable).with_name("shellcheck")
    done = subprocess.run(
        [program, *sorted(aws.glob("*.sh"))], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
