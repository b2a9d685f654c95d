"""docker-compose.yml as a file: its schema, what it insists on, how little services may do."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.local.compose_file import FILE, MissingVariable, read_compose
from testkit.tree import ROOT

EXAMPLE = ROOT / "deploy" / "compose" / "env.example"
SECRETS = ("REDIS_PASSWORD", "S3_SECRET_KEY", "GRAFANA_PASSWORD")


def variables() -> dict[str, str]:
    """The example's settings with passwords."""
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and line[0] != "#"]
    found = dict(line.split("=", 1) for line in lines)
    return found | dict.fromkeys(SECRETS, "pass1")


SERVICES: dict[str, dict[str, Any]] = read_compose(variables())["services"]


def test_it_keeps_the_schema_of_compose() -> None:
    """Expect no word that Compose does not know; the schema comes with check-jsonschema."""
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [program, "--builtin-schema", "vendor.compose-spec", FILE]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_the_schema_would_find_a_wrong_word(tmp_path: Path) -> None:
    """Expect a misspelt field to be refused, so that the test above can fail."""
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(FILE.read_text().replace("read_only: true", "readonly: true"))
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [program, "--builtin-schema", "vendor.compose-spec", wrong]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1


@pytest.mark.parametrize("name", SECRETS)
def test_a_missing_password_is_told_with_its_remedy(name: str) -> None:
    """Expect the example as it stands, without passwords, to be refused with what to do."""
    given = variables() | {name: ""}
    with pytest.raises(MissingVariable, match=rf"{name}: copy deploy/compose/env.example to .env"):
        read_compose(given)


def test_the_example_names_every_setting_and_no_password() -> None:
    """Expect no secret in the repository, and nothing in the example that the file ignores."""
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    lines = [line for line in EXAMPLE.read_text().splitlines() if line and line[0] != "#"]
    example = dict(line.split("=", 1) for line in lines)
    assert {name for name, value in example.items() if not value} == set(SECRETS)
    assert set(example) - {"COMPOSE_PROFILES"} <= used


def test_the_token_reaches_daemons_and_players_alone() -> None:
    """Expect it in the environment, which no list of processes shows; without one, no one asks."""
    word = "a-token-of-16-characters"
    for given, expected in (({"DAEMON_TOKEN": word}, word), ({}, "")):
        services = read_compose(variables() | given)["services"]
        found = {name: each.get("environment", {}) for name, each in services.items()}
        knows = {name: each.get("TRAININGRUN_DAEMON_TOKEN") for name, each in found.items()}
        players = {"daemon", "actor", "evaluator"}
        assert knows == {name: expected if name in players else None for name in services}
        commands = json.dumps([each.get("command") for each in services.values()])
        assert word not in commands


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_may_do_as_little_as_a_pod(name: str) -> None:
    """Expect a read-only root, no capability nor a way to gain one, a known image, short logs."""
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert "latest" not in service["image"].rsplit(":", 1)[1]
    assert service["logging"]["options"]["max-size"]
    assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


@pytest.mark.parametrize("name", SERVICES)
def test_each_service_is_checked_and_waits_for_what_is_there(name: str) -> None:
    """Expect a health check in every one that stays, and dependencies that exist and can hold."""
    service = SERVICES[name]
    check = service.get("healthcheck")
    if check is not None and not check.get("disable"):
        assert check["test"][0] == "CMD"
    else:
        assert name == "bucket", "it ends by itself"
    for other, how in service.get("depends_on", {}).items():
        ends = how["condition"] == "service_completed_successfully"
        assert ends == (other == "bucket")


def test_what_is_ours_is_built_where_it_is_missing() -> None:
    """Expect ``docker compose up`` to need no other command before it: every image of ours says how
    it is built, one way for each image."""
    found: dict[str, list[Any]] = {}
    for service in SERVICES.values():
        if "trainingrun-" in service["image"]:
            found.setdefault(service["image"], []).append(service.get("build"))
    assert len(found) == 4
    for image, builds in found.items():
        assert all(build == builds[0] for build in builds), image
        assert (ROOT / builds[0]["dockerfile"]).is_file(), image


def test_monitoring_can_be_left_out() -> None:
    """Expect nothing but Prometheus and Grafana to be in its profile, nor to wait for them."""
    monitoring = {
        name for name, each in SERVICES.items() if "monitoring" in each.get("profiles", [])
    }
    assert monitoring == {"prometheus", "grafana"}
    for name in SERVICES.keys() - monitoring:
        assert not monitoring & set(SERVICES[name].get("depends_on", {})), name


def test_the_two_learners_differ_in_their_machine_alone() -> None:
    """Expect the same command, image and environment on processors and on a GPU."""
    ours, gpu = SERVICES["learner"], SERVICES["learner-gpu"]
    for part in ("image", "command", "environment", "volumes", "healthcheck", "stop_grace_period"):
        assert ours[part] == gpu[part], part
    devices = gpu["deploy"]["resources"]["reservations"]["devices"]
    assert devices[0]["capabilities"] == ["gpu"]
    assert "learner" in gpu["networks"]["run"]["aliases"], "Prometheus finds it by this name"


def test_grafana_finds_our_dashboards_and_its_source() -> None:
    """Expect dashboards in the mounted folder, and a source of the kind that they ask for."""
    mounts = {
        each.split(":")[1]: ROOT / each.split(":")[0] for each in SERVICES["grafana"]["volumes"]
    }
    provisioning = mounts["/etc/grafana/provisioning"]
    provider = yaml.safe_load((provisioning / "dashboards" / "trainingrun.yaml").read_text())
    boards = mounts[provider["providers"][0]["options"]["path"]]
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text())
    kind = source["datasources"][0]["type"]
    for board in boards.glob("*.json"):
        wanted = json.loads(board.read_text())["templating"]["list"][0]["query"]
        assert wanted == kind, board.name
    home = SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (boards / Path(home).name).is_file()


def test_every_file_that_is_mounted_is_there() -> None:
    """Expect no path in the file that does not exist: an engine would make a folder of it."""
    compose = read_compose(variables())
    files = [each["file"] for each in compose["configs"].values() if "file" in each]
    mounts = [
        volume.split(":")[0] for each in SERVICES.values() for volume in each.get("volumes", [])
    ]
    for path in [*files, *(each for each in mounts if "/" in each)]:
        assert (ROOT / path).exists(), path
    named = {each for each in mounts if "/" not in each}
    assert named == set(compose["volumes"])
