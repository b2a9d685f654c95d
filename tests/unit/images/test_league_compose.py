"""deploy/compose/league.yml as a file: its schema, how little it may do, and that programs take
its commands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from trainingrun_actor.league_worker.options import read_options
from trainingrun_league.process.options import Options, parser, settings_of

from testkit.tree import ROOT

FILE = ROOT / "deploy" / "compose" / "league.yml"
DEFAULTS = re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", FILE.read_text())
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(DEFAULTS)["services"]


def test_it_keeps_the_schema_of_compose() -> None:
    """Expect no word that Compose does not know; the schema comes with check-jsonschema."""
    program = Path(sys.executable).with_name("check-jsonschema")
    command = [program, "--builtin-schema", "vendor.compose-spec", FILE]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


def test_services_may_do_little() -> None:
    """Expect a read-only root, no capability, and ports on loopback unless somebody opens them."""
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
    assert all(port.startswith("127.0.0.1:") for port in SERVICES["league"]["ports"])


def test_a_worker_never_sees_the_key() -> None:
    """Expect it to have the tokens' volume alone."""
    assert SERVICES["worker"]["volumes"] == ["tokens:/tokens:ro"]


def test_the_league_takes_its_command() -> None:
    """Expect its own parser to read it: all services, pages, and a health check."""
    _, _, _, *arguments = SERVICES["league"]["command"]
    given = parser().parse_args(arguments, Options())
    settings = settings_of(given, b"k" * 64, {})
    assert len(settings.services) == 5
    assert (settings.web_port, settings.health_port) == (50080, 50050)


def test_the_token_is_asked_for_as_the_program_takes_it() -> None:
    """Expect both commands of the script to be the league's."""
    script = SERVICES["tokens"]["command"][2]
    for command in script.split("&&"):
        words = command.partition(" > ")[0].split()
        parser().parse_args(words[3:], Options())


def test_a_worker_takes_its_command(tmp_path: Path) -> None:
    """Expect its own options to read it, with files where the volume has them."""
    _, _, _, *arguments = SERVICES["worker"]["command"]
    for name in ("services-token", "ca.crt"):
        (tmp_path / name).write_text("x" * 40)
    adapted = [each.replace("/tokens", str(tmp_path)) for each in arguments]
    options = read_options([*adapted, "--cache", str(tmp_path / "cache")])
    assert "league:50052" in repr(options)
