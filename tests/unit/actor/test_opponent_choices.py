"""Scripted opponents answer every type of decision: the random one anyhow, the other forward."""

from __future__ import annotations

import asyncio
from random import Random

import pytest
from trainingrun_actor.seats import ScriptedSeat
from trainingrun_environments.agents import RandomAgent
from trainingrun_environments.magic.environment import MAGIC
from trainingrun_environments.magic.opponents import AggressiveAgent
from trainingrun_protocol.decisions import (
    Ability,
    Action,
    Card,
    Combatant,
    Decision,
    DecisionType,
    Entity,
    GameState,
    Player,
    StackItem,
)

ME, FOE = "Agent(1)-a", "Agent(2)-b"
BEAR = Card(id=1, name="Bear", cmc=2, is_creature=True, power=2, toughness=2)
TITAN = Card(id=2, name="Titan", cmc=6, is_creature=True, power=6, toughness=6)
WALKER = Card(id=3, name="Walker", is_planeswalker=True, loyalty=3)
LANTERN = Card(id=4, name="Lantern", is_artifact=True)
FOREST = Card(id=5, name="Forest", is_land=True)
BOLT = StackItem(id=9, description="3 damage to any target.", controller=ME)
GROWTH = StackItem(id=9, description="Target creature gets +3/+3.", controller=ME)
THEIRS = StackItem(id=8, description="Draw two cards.", controller=FOE)
FIGHTERS = tuple(
    Combatant(index=at, id=40 + at, name="x", power=at + 1, toughness=1) for at in range(2)
)
PASS = Action(index=-1)
MODES = (
    Ability(index=0, description="Permanents you control are indestructible."),
    Ability(index=1, description="4 damage to target player."),
)
AIMS = (
    Entity(index=0, id=1, name="Bear", type="card"),
    Entity(index=1, id=2, name="Titan", type="card"),
    Entity(index=2, id=3, name="Walker", type="card"),
)
FACE = Entity(index=3, id=1, name=FOE, type="player")
STACK = (
    Entity(index=0, id=9, name="mine", type="stack"),
    Entity(index=1, id=8, name="theirs", type="stack"),
)


def decision_of(
    kind: str, *, stack: tuple[StackItem, ...] = (), life: int = 20, **own: object
) -> Decision:
    """A decision on the own turn: bear and artifact against titan and planeswalker."""
    state = GameState(
        active_player=ME,
        players=(
            Player(name=ME, life=life, battlefield=(BEAR, LANTERN)),
            Player(name=FOE, life=20, battlefield=(TITAN, WALKER)),
        ),
        stack=stack,
    )
    fields = {"phase": "MAIN1", "player": ME, "game_state": state, **own}
    return Decision(DecisionType(kind), **fields)  # type: ignore[arg-type]


def answer(decision: Decision, agent: AggressiveAgent | RandomAgent, seed: int = 0) -> str:
    """The answer line."""
    return asyncio.run(ScriptedSeat(MAGIC, agent, Random(seed)).answer(decision))


def ability(cost: str, text: str) -> Decision:
    """Passing, or activating the artifact."""
    offered = Action(index=0, card="Lantern", card_id=4, description=text, mana_cost=cost)
    return decision_of("choose_action", actions=(offered, PASS))


FORWARD = {
    "plays its only spell": (
        decision_of("choose_action", actions=(Action(index=0, card="Ogre"), PASS)),
        "0",
    ),
    "pays for an ability": (ability("{2}", "Lantern: Draw a card"), "0"),
    "leaves a free ability": (ability("", "Lantern: Untap Lantern"), "-1"),
    "fetches a land for nothing": (ability("", "Lantern: Search for a basic land"), "0"),
    "wakes no creature twice": (
        decision_of(
            "choose_action",
            actions=(
                Action(0, card="Bear", card_id=1, description="Bear: Become 2/2", mana_cost="{1}"),
                PASS,
            ),
        ),
        "-1",
    ),
    "puts nothing good away": (
        decision_of("choose_cards", cards=(BEAR,), max=1, optional=True, message="put away"),
        "",
    ),
    "attacks with all": (decision_of("declare_attackers", attackers=FIGHTERS), "0,1"),
    "does not block in health": (
        decision_of("declare_blockers", blockers=FIGHTERS[:1], attackers=FIGHTERS),
        "",
    ),
    "blocks the strongest to survive": (
        decision_of("declare_blockers", blockers=FIGHTERS[:1], attackers=FIGHTERS, life=3),
        "0:1",
    ),
    "takes the mode that burns": (decision_of("choose_ability", abilities=MODES), "1"),
    "burns the face": (decision_of("choose_entity", entities=(*AIMS, FACE), stack=(BOLT,)), "3"),
    "burns their creature": (decision_of("choose_entity", entities=AIMS, stack=(BOLT,)), "1"),
    "grows its own": (decision_of("choose_entity", entities=AIMS, stack=(GROWTH,)), "0"),
    "counters what is theirs": (
        decision_of("choose_entity", entities=STACK, stack=(BOLT, THEIRS), optional=True),
        "1",
    ),
    "declines to hurt itself": (
        decision_of("choose_entity", entities=AIMS[:1], stack=(BOLT,), optional=True),
        "-1",
    ),
    "announces the most": (decision_of("announce_value", min=0, max=7), "7"),
    "pays as little life as it may": (
        decision_of("announce_value", min=0, max=7, message="Pay any amount of life"),
        "0",
    ),
    "plays its trigger": (decision_of("play_trigger"), "y"),
    "plays from an effect": (decision_of("play_from_effect"), "y"),
    "keeps its hand": (
        decision_of(
            "confirm_action",
            message="Keep this hand?",
            game_state=GameState(
                players=(Player(name=ME, hand=(FOREST, BEAR)), Player(name=FOE)),
            ),
        ),
        "y",
    ),
    "takes the dearest card": (
        decision_of("choose_cards", cards=(BEAR, TITAN), max=1, message="Put into your hand"),
        "1",
    ),
    "discards no more than it must": (
        decision_of("choose_cards", cards=(BEAR, TITAN), min=1, max=2, message="Discard"),
        "1",
    ),
    "looks at what is shown": (decision_of("reveal", cards=(BEAR,)), ""),
}


@pytest.mark.parametrize(("decision", "line"), FORWARD.values(), ids=FORWARD)
def test_aggressive_goes_forward(decision: Decision, line: str) -> None:
    """Each kind of decision is answered by the move that hurts the opponent most."""
    assert answer(decision, AggressiveAgent()) == line


ANYHOW = {
    "an action": (
        decision_of("choose_action", actions=(Action(index=0, card="Ogre"), PASS)),
        {"0", "-1"},
    ),
    "a mode": (decision_of("choose_ability", abilities=MODES), {"0", "1"}),
    "a target or none": (
        decision_of("choose_entity", entities=AIMS[:2], optional=True),
        {"0", "1", "-1"},
    ),
    "cards or none": (
        decision_of("choose_cards", cards=(BEAR, TITAN), min=1, max=1, optional=True),
        {"0", "1", ""},
    ),
    "attackers": (
        decision_of("declare_attackers", attackers=FIGHTERS),
        {"", "0", "1", "0,1", "1,0"},
    ),
    "a value": (decision_of("announce_value", min=1, max=3), {"1", "2", "3"}),
    "yes or no": (decision_of("play_trigger"), {"y", "n"}),
}


@pytest.mark.parametrize(("decision", "lines"), ANYHOW.values(), ids=ANYHOW)
def test_random_gives_every_legal_answer(decision: Decision, lines: set[str]) -> None:
    """In sixty tries each legal answer comes up, declining too, and no other."""
    assert {answer(decision, RandomAgent(), seed) for seed in range(60)} == lines
