"""A package with a player, a potential, a network and a loss is trained with, as the guide has it;
parts that are missing, or of no use, are refused with a sentence.
"""

from __future__ import annotations

import json
import os
import subprocess
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from testkit.local.local_run import PROGRAM, closes, local_run
from testkit.own_package import write_package
from testkit.tree import ROOT

EXAMPLE = ROOT / "examples" / "own-parts"
GAMES = 3000
BETTER_THAN_EVEN = 0.5
EMBEDDED = {"embedded": True}


def installed(folder: Path, **more: Mapping[str, str]) -> dict[str, str]:
    """The path with the example, and what an installer would have written of it. ``more`` adds
    parts by group."""
    project = tomllib.loads((EXAMPLE / "pyproject.toml").read_text("utf-8"))["project"]
    parts = {group: dict(named) for group, named in project["entry-points"].items()}
    for group, named in more.items():
        parts[f"trainingrun.{group}"] |= named
    write_package(folder / "installed", parts, BROKEN, name="my_parts")
    path = [str(folder / "installed"), str(EXAMPLE / "src"), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path)}


BROKEN = {
    "my_broken_parts": """
import sys

from my_parts.network import Skipping
from my_parts.player import Careful


class Louder(Skipping):
    def forward(self, tensors, states, actions, counts):
        logits, values = super().forward(tensors, states, actions, counts)
        return 2 * logits, values


class Lost(Careful):
    def choose(self, question, random):
        return 99


def scalar(steps):
    return steps.current.sum(), steps.values.sum()


class Homesick(Skipping):
    def forward(self, tensors, states, actions, counts):
        if "torch" not in sys.modules:
            raise ValueError("this is no learner")
        return super().forward(tensors, states, actions, counts)


class Endless:
    def worth(self, question):
        return float("inf"), 0.0
"""
}


def small(file: Path, *, games: int = GAMES, **spec: Any) -> Path:
    """The example's training, shorter."""
    document = yaml.safe_load((EXAMPLE / "trainingrun.yaml").read_text("utf-8"))
    document["metadata"]["name"] = "small"
    document["spec"] |= {"games": games}
    document["spec"]["learner"]["batchTransitions"] = 512
    document["spec"]["evaluation"] = {
        "intervalGames": games,
        "games": 100,
        "opponents": ["random", "careful"],
    }
    for path, value in spec.items():
        *sections, last = path.split("__")
        section = document["spec"]
        for name in sections:
            section = section[name]
        section[last] = value
    file.write_text(json.dumps(document))
    return file


@pytest.mark.parametrize("changes", [{}, {"daemon": EMBEDDED}], ids=["daemons", "embedded"])
def test_a_package_of_own_parts_is_trained_with(tmp_path: Path, changes: dict[str, Any]) -> None:
    """To its end, better than at random, with every transition accounted for; and measured again
    by `trainingrun eval`, against the package's player alone. So with daemons, and where the actors
    play the games themselves."""
    environment = installed(tmp_path)
    file = small(tmp_path / "run.yaml", **changes)
    with local_run(tmp_path, file, environment=environment) as run:
        assert run.finish(seconds=400) == 0, run.said()
        summary = run.summary()
    assert closes(summary["ledger"])
    assert summary["ledger"]["lost"] == 0
    last = {each["opponent"]: each for each in summary["evaluations"]}
    assert set(last) == {"random", "careful"}
    assert last["random"]["low"] > BETTER_THAN_EVEN
    assert last["random"]["version"] > 0
    again = subprocess.run(
        [PROGRAM, "eval", "-f", file, "--opponent", "careful", "--games", "20", "-o", "json"],
        cwd=tmp_path,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    assert [each["opponent"] for each in json.loads(again.stdout)["evaluations"]] == ["careful"]


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        (
            "selfPlay__scriptedPlayers",
            ["carefull"],
            "no scripted opponent is called 'carefull': installed are random, aggressive, engine,"
            " careful,",
        ),
        ("rewardShaping", {"twos": 0.1}, "no potential is called 'twos': installed are life,"),
        ("learner__network__kind", "skippin", "no network is called 'skippin': installed are mlp,"),
        ("algorithm__ppo__loss", "sop", "no loss is called 'sop': installed are ppo, scalar, spo;"),
        (
            "curriculum",
            [{"name": "one", "until": {"games": 9}}, {"name": "two", "rewardShaping": {"x": 1}}],
            "no potential is called 'x'",
        ),
    ],
)
def test_a_part_that_is_not_installed_is_refused_before_anything_starts(
    tmp_path: Path, path: str, value: object, sentence: str
) -> None:
    """With the names that there are."""
    environment = installed(tmp_path, **MORE)
    file = small(tmp_path / "run.yaml", **{path: value})
    with local_run(tmp_path, file, environment=environment) as run:
        assert run.finish(seconds=60) == 2
        assert sentence in run.said()
        assert "a package adds one by an entry point of the group trainingrun." in run.said()


MORE: dict[str, Mapping[str, str]] = {
    "opponents": {"lost": "my_broken_parts:Lost"},
    "potentials": {"endless": "my_broken_parts:Endless"},
    "networks": {"louder": "my_broken_parts:Louder", "homesick": "my_broken_parts:Homesick"},
    "losses": {"scalar": "my_broken_parts:scalar"},
}


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("learner__network__kind", "louder", "differs between forward() in numpy and its torch"),
        ("algorithm__ppo__loss", "scalar", "gives no pair of costs for 3 steps"),
        ("selfPlay__scriptedPlayers", ["lost"], "the opponent 'lost' chose 99"),
        ("rewardShaping", {"endless": 0.1}, "the potential 'endless' says inf and 0"),
        ("learner__network__kind", "homesick", "ValueError: this is no learner"),
    ],
)
@pytest.mark.parametrize("changes", [{}, {"daemon": EMBEDDED}], ids=["daemons", "embedded"])
def test_a_part_of_no_use_ends_the_run_with_its_sentence(
    tmp_path: Path, path: str, value: object, sentence: str, changes: dict[str, Any]
) -> None:
    """Found by the role that uses it, at its start or after some games; nothing starts again."""
    environment = installed(tmp_path, **MORE)
    file = small(tmp_path / "run.yaml", **{path: value}, **changes)
    with local_run(tmp_path, file, environment=environment) as run:
        assert run.finish(seconds=120) in {1, 2}, run.said()
        assert sentence in run.said()
