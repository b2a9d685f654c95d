"""Decks that a run brings itself: what is made of them, and what a list at fault comes to."""

from __future__ import annotations

from typing import Any

import pytest
from trainingrun_api.conditions import Reason
from trainingrun_protocol.decks import parse_deck_list
from trainingrun_reconciler.controller.state import shared_resources
from trainingrun_reconciler.desired.own_decks import (
    OwnDeckError,
    inline_files,
    own_decks,
    with_decks,
)
from trainingrun_reconciler.desired.stage import Stage
from trainingrun_reconciler.desired.workloads import workloads
from trainingrun_reconciler.roles.workload import Role
from trainingrun_reconciler.settings import Settings

from testkit.operator.simulated_run import UID, SimulatedRun, training_run

BURN = {"name": "burn", "inline": "About\nName Fire!\n\nDeck\n60 Mountain (ANB) 114\n"}
LIONS = {"name": "lions", "configMapKeyRef": {"name": "mine", "key": "lions.txt"}}
LISTS = {"mine": {"lions.txt": "60 Savannah Lions"}}


def rolled(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> set[Role]:
    """The roles whose members are replaced when the decks change so."""
    made = [workloads(training_run(decks=decks), Settings(), scaled=1) for decks in (before, after)]
    return {role for role in made[0] if made[0][role].template_hash != made[1][role].template_hash}


def test_a_list_becomes_a_file_under_the_name_of_the_spec() -> None:
    """The name within it as well: daemons speak of a deck by that."""
    files = inline_files(own_decks(training_run(decks=[BURN, {"name": "red_aggro"}]).spec))
    assert list(files) == ["burn.dck"]
    assert parse_deck_list(files["burn.dck"], name="").name == "burn"


def test_the_daemons_look_there_first() -> None:
    """A run's own deck goes before one of its name in the image; without one nothing differs."""
    daemon = workloads(training_run(decks=[BURN]), Settings(), scaled=1)[Role.DAEMON]
    at = daemon.command.index("{own_decks}")
    assert daemon.command[at - 1 : at + 3] == ("--decks", "{own_decks}", "--decks", "{decks}")
    plain = workloads(training_run(), Settings(), scaled=1)[Role.DAEMON]
    assert "{own_decks}" not in plain.command


@pytest.mark.parametrize(
    ("after", "roles"),
    [
        ([BURN, LIONS], set()),
        ([BURN | {"inline": "60 Island"}, LIONS], {Role.DAEMON}),
        ([BURN, LIONS | {"configMapKeyRef": {"name": "b", "key": "c"}}], {Role.DAEMON}),
        ([BURN], {Role.DAEMON, Role.ACTOR, Role.EVALUATOR}),
        ([BURN, LIONS, {"name": "red_aggro"}], {Role.ACTOR, Role.EVALUATOR}),
    ],
)
def test_who_is_replaced_when_decks_change(after: list[dict[str, Any]], roles: set[Role]) -> None:
    """Lists concern daemons, names those who ask for games."""
    assert rolled([BURN, LIONS], after) == roles


def test_a_list_that_cannot_be_read_is_refused_before_anything_is_made() -> None:
    """The sentence has the field, the deck and the line."""
    world = SimulatedRun(training_run(decks=[{"name": "burn", "inline": "60 Mountain\nBolt"}]))
    world.settle()
    assert world.backend.roles(UID) == {}
    lifecycle = world.look().lifecycle
    assert (lifecycle.stage, lifecycle.reason) == (Stage.REFUSED, Reason.DECK_UNREADABLE)
    assert lifecycle.message.startswith(
        "spec.decks[0].inline: deck burn, line 2: 'Bolt' is no line of the form 'count name'"
    )


def test_a_deck_of_the_run_is_known_whatever_the_images_hold() -> None:
    """Only names without a list are searched for among those."""
    world = SimulatedRun(training_run(decks=[BURN, LIONS, {"name": "blu_skies"}]))
    world.settings = Settings(decks=frozenset({"red_aggro"}))
    assert "no deck is called blu_skies: choose" in world.look().lifecycle.message
    world = SimulatedRun(training_run(decks=[BURN, LIONS]))
    world.settings = Settings(decks=frozenset({"red_aggro"}))
    assert world.look().lifecycle.stage is Stage.RUNNING


def test_a_suspended_run_asks_for_no_deck() -> None:
    """A ConfigMap that is gone must not keep it awake."""
    run = training_run(decks=[BURN, LIONS])
    assert [deck.name for deck in shared_resources(run, Settings()).decks] == ["burn", "lions"]
    assert shared_resources(training_run(decks=[LIONS], suspend=True), Settings()).decks == ()


def test_lists_of_config_maps_stand_in_the_run_where_there_is_no_cluster() -> None:
    """Those that are not at hand stay named."""
    run = training_run(decks=[BURN, LIONS])
    found = with_decks(run, LISTS).spec.decks[1]
    assert found.config_map_key_ref is None
    assert "60 Savannah Lions" in (found.inline or "")
    assert with_decks(run, {}) is run


@pytest.mark.parametrize(
    ("lists", "words"),
    [
        ({"mine": {"other": "x"}}, "configMapKeyRef: ConfigMap mine has no entry lions.txt"),
        ({"mine": {"lions.txt": 5}}, "ConfigMap mine has no entry lions.txt of text"),
        ({"mine": {"lions.txt": "Lions"}}, "ConfigMap mine/lions.txt: deck lions, line 1: "),
        ({"mine": {"lions.txt": "\n".join(f"1 {'x' * 80}{n}" for n in range(200))}}, "too long"),
    ],
)
def test_a_config_map_at_fault(lists: dict[str, Any], words: str) -> None:
    """The sentence names it."""
    with pytest.raises(OwnDeckError, match=words):
        with_decks(training_run(decks=[BURN, LIONS]), lists)
