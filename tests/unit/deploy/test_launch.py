"""launch.sh: spot first, on demand for the rest, and never a machine that is not reported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Answers as EC2 gives them, one after another, through the query and the text form of the program.
_AWS = """\
#!{python}
import json, os, sys
import jmespath
folder = os.environ["AWS_FOLDER"]
with open(f"{{folder}}/calls", "a") as file:
    file.write(json.dumps(sys.argv[1:]) + "\\n")
verb = sys.argv[2]
answers = json.load(open(f"{{folder}}/answers"))
answer = answers[verb].pop(0) if len(answers[verb]) > 1 else answers[verb][0]
json.dump(answers, open(f"{{folder}}/answers", "w"))
if isinstance(answer, str):
    sys.exit(answer)
found = jmespath.search(sys.argv[sys.argv.index("--query") + 1], answer)
print("\\t".join(map(str, found)) if isinstance(found, list) else found)
"""
_WORDS = ("--template", "lt-0a1b", "--subnets", "subnet-01,subnet-02")
_NO_ROOM = {
    "ErrorCode": "InsufficientInstanceCapacity",
    "ErrorMessage": "We currently do not have sufficient capacity.",
}


def fleet(*ids: str, errors: tuple[dict[str, str], ...] = ()) -> dict[str, Any]:
    """What create-fleet answers; what is empty is not there at all."""
    found: dict[str, Any] = {"FleetId": "fleet-1"}
    if ids:
        found["Instances"] = [{"InstanceIds": list(ids), "Lifecycle": "spot"}]
    if errors:
        found["Errors"] = [*errors]
    return found


def described(**endpoints: str) -> dict[str, Any]:
    """What describe-instances answers: instances with their tags."""
    instances = [
        {
            "InstanceId": name.replace("_", "-"),
            "Tags": [{"Key": "trainingrun:endpoints", "Value": each}] if each else [],
        }
        for name, each in endpoints.items()
    ]
    return {"Reservations": [{"Instances": instances}] if instances else []}


def launch(
    aws: Path, folder: Path, *words: str, **answers: Any
) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    """Run it with an aws that answers so; gives the calls, too."""
    program = folder / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(_AWS.format(python=sys.executable))
    program.chmod(0o755)
    given = {name.replace("_", "-"): each for name, each in answers.items()}
    (folder / "answers").write_text(json.dumps(given))
    done = subprocess.run(
        ["bash", str(aws / "launch.sh"), *words],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": f"{program.parent}:{os.environ['PATH']}", "AWS_FOLDER": str(folder)},
        timeout=60,
    )
    calls = folder / "calls"
    lines = calls.read_text().splitlines() if calls.exists() else []
    return done, [json.loads(line) for line in lines]


def test_spot_gives_all(aws: Path, tmp_path: Path) -> None:
    """Expect one request over all types and subnets, and the line for a run."""
    done, calls = launch(
        aws,
        tmp_path,
        *_WORDS,
        "--count",
        "2",
        "--types",
        "c5.large,c6i.large",
        create_fleet=[fleet("i-1", "i-2")],
        describe_instances=[described(i_1="10.0.0.1:17171", i_2="10.0.0.2:17171")],
    )
    assert done.returncode == 0, done.stderr
    assert "--daemons 10.0.0.1:17171,10.0.0.2:17171" in done.stdout
    (request,) = [each for each in calls if each[1] == "create-fleet"]
    (config,) = json.loads(request[request.index("--launch-template-configs") + 1])
    assert config["LaunchTemplateSpecification"] == {
        "LaunchTemplateId": "lt-0a1b",
        "Version": "$Latest",
    }
    pairs = [(each["InstanceType"], each["SubnetId"]) for each in config["Overrides"]]
    assert len(pairs) == len(set(pairs)) == 4
    assert "AllocationStrategy=capacity-optimized" in request


def test_on_demand_for_what_spot_does_not_give(aws: Path, tmp_path: Path) -> None:
    """Expect the rest on demand, with the reason for it."""
    done, calls = launch(
        aws,
        tmp_path,
        *_WORDS,
        "--count",
        "3",
        "--wait",
        "0",
        create_fleet=[fleet("i-1", errors=(_NO_ROOM,)), fleet("i-2", "i-3")],
    )
    assert done.returncode == 0, done.stderr
    assert "spot gives 1 of 3 machines" in done.stdout
    assert "AWS has no such machine left in these zones now" in done.stderr
    second = [each for each in calls if each[1] == "create-fleet"][1]
    assert "TotalTargetCapacity=2,DefaultTargetCapacityType=on-demand" in second


def test_fewer_than_asked_for_are_told_with_the_way_to_end_them(aws: Path, tmp_path: Path) -> None:
    """Expect exit code 1, what runs, and the command that ends it."""
    done, _ = launch(
        aws,
        tmp_path,
        *_WORDS,
        "--count",
        "3",
        "--wait",
        "0",
        create_fleet=[fleet("i-1"), "An error occurred (VcpuLimitExceeded): no more"],
    )
    assert done.returncode == 1
    assert "1 of 3 machines run and cost money" in done.stdout
    assert "aws ec2 terminate-instances --instance-ids i-1" in done.stdout
    assert "the account's quota of vCPUs does not allow it" in done.stderr


def test_nothing_is_started(aws: Path, tmp_path: Path) -> None:
    """Expect the reason, and the word that nothing remains."""
    done, _ = launch(
        aws, tmp_path, *_WORDS, "--spot-only", create_fleet=["Unable to locate credentials."]
    )
    assert done.returncode == 2
    assert "launch: starting 1 spot machines: there are no AWS credentials" in done.stderr
    assert "no machine was started, and nothing remains" in done.stderr


def test_all_are_ended(aws: Path, tmp_path: Path) -> None:
    """Expect those of this script to be found by their tag and ended."""
    done, calls = launch(
        aws,
        tmp_path,
        "--end",
        describe_instances=[described(i_1="", i_2="")],
        terminate_instances=[{"TerminatingInstances": [{"InstanceId": "i-1"}]}],
    )
    assert done.returncode == 0, done.stderr
    assert "ended: i-1" in done.stdout
    assert calls[-1][:5] == ["ec2", "terminate-instances", "--instance-ids", "i-1", "i-2"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give the id of a launch template"),
        (("--template", "lt-1", "--subnets", "net"), "give subnet-…,subnet-…"),
        ((*_WORDS, "--count", "none"), "--count='none': give a whole number from 1 to 200"),
        ((*_WORDS, "--types", "large"), "give instance types such as c6i.4xlarge"),
        (("--colour", "red"), "'--colour' is not known"),
        (("--count",), "--count: its value is missing"),
    ],
)
def test_wrong_words(aws: Path, tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    """Expect one sentence, exit code 2, and no call."""
    done, calls = launch(aws, tmp_path, *words)
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert calls == []
