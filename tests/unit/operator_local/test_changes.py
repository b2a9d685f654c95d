"""What a resumed run says of the fields that somebody has changed."""

from __future__ import annotations

from typing import Any

import yaml
from trainingrun.commands.local.changes import describe_changes
from trainingrun_api.run import TrainingRun, parse

SPEC: dict[str, Any] = {
    "games": 60,
    "decks": [{"name": "red_aggro"}, {"name": "white_weenie"}],
}


def actor_with(*variables: tuple[str, str]) -> dict[str, Any]:
    """A spec's change: environment variables of the actors."""
    env = [{"name": name, "value": value} for name, value in variables]
    template = {"spec": {"containers": [{"name": "actor", "env": env}]}}
    return {"actor": {"template": template}}


def run_of(spec: dict[str, Any]) -> TrainingRun:
    """A run with this spec."""
    head = yaml.safe_load(
        "{apiVersion: trainingrun.dev/v1alpha1, kind: TrainingRun, metadata: {name: mine}}"
    )
    return parse({**head, "spec": spec})


def told(change: dict[str, Any], before: dict[str, Any] = SPEC) -> list[str]:
    """What is said where the spec becomes this."""
    return describe_changes(run_of(before).spec, run_of({**before, **change}).spec)


def test_one_line_for_each_changed_field() -> None:
    """Expect old and new value, defaults filled in, and nothing where nothing changed."""
    assert told({}) == []
    assert told({"games": 120}) == ["spec.games: 60 → 120"]
    assert told({"learner": {"maxPolicyLag": 9}}) == ["spec.learner.maxPolicyLag: 8 → 9"]


def test_an_item_that_comes_or_goes_is_not_set_before_or_after() -> None:
    """Expect items by their names."""
    assert "spec.decks[white_weenie].name: white_weenie → not set" in told(
        {"decks": SPEC["decks"][:1]}
    )


def test_no_line_tells_a_secret() -> None:
    """Expect that a password changed, and neither the old one nor the new one."""
    before = actor_with(("API_TOKEN", "abc"), ("LEVEL", "1"), ("AT", "http://me:abc@there"))
    after = actor_with(("API_TOKEN", "xyz"), ("LEVEL", "2"), ("AT", "http://me:xyz@there"))
    path = "spec.actor.template.spec.containers[actor].env"
    assert told(after, {**SPEC, **before}) == [
        f"{path}[API_TOKEN].value: (hidden) changed",
        f"{path}[LEVEL].value: 1 → 2",
        f"{path}[AT].value: (hidden) changed",
    ]


def test_the_lines_are_bounded() -> None:
    """Expect twenty lines of limited length, and how many fields are left out."""
    names = [f"V{number}" for number in range(30)]
    before = actor_with(*((name, "x" * 500) for name in names))
    after = actor_with(*((name, "y\x1b[2J" + "y" * 500) for name in names))
    lines = told(after, {**SPEC, **before})
    assert len(lines) == 21
    assert lines[-1] == "and 10 more fields"
    assert max(map(len, lines)) < 200
    assert "\x1b" not in "".join(lines)
