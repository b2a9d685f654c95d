"""Games of the engine's AI: without a word, or (``-o``) with a log line for each decision.

Three kinds of decisions are logged, after they were made.
"""

import threading
from functools import lru_cache
from typing import Final

from trainingrun_daemon.ai.agent import choose_answer
from trainingrun_daemon.rules import turn
from trainingrun_daemon.rules.casting import MAX_LAND_PLAYS, legal_actions, perform_action
from trainingrun_daemon.rules.choices import (
    Action,
    ChooseAction,
    DeclareAttackers,
    DeclareBlockers,
)
from trainingrun_daemon.rules.combat import add_blocker, can_block
from trainingrun_daemon.rules.enums import Keyword, Phase, Zone
from trainingrun_daemon.rules.model import STACK_CAP, Card, CardFace, Combat, Game, Player, Target
from trainingrun_daemon.rules.stack import settle
from trainingrun_daemon.rules.steps import Answer, Steps
from trainingrun_daemon.rules.zones import LOYALTY

from testkit.forge_server.actions import Lister, Play
from testkit.forge_server.connection import Connection
from testkit.forge_server.encoding import is_sick
from testkit.forge_server.faults import Build, EngineError, Fault, Version
from testkit.forge_server.json_text import Value, array, fields, flag, quote, write
from testkit.forge_server.questions import Fields, fighter

_AI_BUILD: Final = Build(faults=frozenset({Fault.FREE_MANA, Fault.VANISHING_SPELLS}))
"""What the AI may do is listed as for the others: without a check of mana and targets."""
_STOPS: Final = (
    frozenset({Phase.ATTACKERS, Phase.BLOCKERS, Phase.END}),
    frozenset({Phase.MAIN1, Phase.BLOCKERS, Phase.MAIN2}),
)
"""Steps in which the AI considers actions, in the opponent's turn and in its own."""
_LONGEST_TEXT: Final = 100
_KINDS: Final = (
    "creature",
    "land",
    "artifact",
    "enchantment",
    "planeswalker",
    "instant",
    "sorcery",
)
_COUNTER_NAMES: Final = {"P1P1": "+1/+1", "M1M1": "-1/-1"}


class Ai:
    """Answers of the engine's AI, until somebody ends the game."""

    def __init__(self, game: Game) -> None:
        self.has_ended = threading.Event()
        self._game = game

    def run(self, steps: Steps) -> None:
        """Carry out a part of the game, or the whole of it."""
        reply: Answer = None
        while True:
            self.check()
            try:
                choice = steps.send(reply)
            except StopIteration:
                return
            reply = choose_answer(self._game, choice)

    def play_game(self) -> None:
        """Play a whole game without a word."""
        self.run(turn.play_game(self._game))

    def check(self) -> None:
        """Raise EngineError when somebody ended the game."""
        if self.has_ended.is_set():
            raise EngineError("java.lang.IllegalStateException: the game was ended")


class Observer(Ai):
    """The AI on both seats, watched; a Table of ``turns``."""

    def __init__(self, game: Game, link: Connection, version: Version) -> None:
        super().__init__(game)
        self.priority = 0
        self._link = link
        self._version = version
        self._counts = [0, 0]

    def settle(self) -> None:
        """Do what comes before priority."""
        self.run(settle(self._game))

    def act(self, seat: int) -> bool:
        """Let the AI act, and log what it chose: also when it could but pass."""
        self.check()
        game = self._game
        action = self._choose(seat)
        plays = Lister(game, seat, _AI_BUILD).list(Zone.HAND, Zone.BATTLEFIELD)
        own: Fields = {"actions": [*map(_entry, range(len(plays)), plays), _PASS]}
        own["ai_choice"] = {"action": "pass"} if action is None else _describe(action)
        if self._version is Version.NEWEST:
            own["ai_choice_index"] = _find(plays, action)
        self._log(seat, "choose_action", own)
        if action is None:
            return False
        self.run(perform_action(game, seat, action))
        return True

    def _choose(self, seat: int) -> Action | None:
        game = self._game
        if game.stack:
            if game.stack[-1].controller == seat or len(game.stack) >= STACK_CAP:
                return None
        elif game.phase not in _STOPS[seat == game.active]:
            return None
        actions = legal_actions(game, seat)
        if not actions:
            return None
        answer = choose_answer(game, ChooseAction(seat, actions))
        return actions[answer] if isinstance(answer, int) and answer >= 0 else None

    def attack(self, combat: Combat, candidates: list[Card]) -> None:
        """Let the AI attack, and log it."""
        answer = choose_answer(self._game, DeclareAttackers(combat.seat, candidates))
        chosen = (
            {index for index in answer or () if isinstance(index, int)}
            if isinstance(answer, tuple)
            else set()
        )
        chosen |= {
            index for index, card in enumerate(candidates) if Keyword.MUST_ATTACK in card.keywords
        }
        combat.attackers += [candidates[index] for index in sorted(chosen)]
        own: Fields = {
            "attackers": [fighter(index, card) for index, card in enumerate(candidates)],
            "ai_choice": sorted(chosen),
        }
        self._log(combat.seat, "declare_attackers", own)

    def block(self, combat: Combat) -> None:
        """Let the AI block, and log it: who blocks already is not listed."""
        seat = 1 - combat.seat
        creatures = [card for card in self._game.players[seat].battlefield if card.is_creature]
        able = [
            card for card in creatures if any(can_block(card, each) for each in combat.attackers)
        ]
        attackers = list(combat.attackers)
        answer = choose_answer(self._game, DeclareBlockers(seat, able, attackers))
        pairs = (
            [pair for pair in answer if isinstance(pair, tuple)]
            if isinstance(answer, tuple)
            else []
        )
        for blocker, attacker in _legal(able, attackers, pairs):
            add_blocker(combat, blocker, attacker)
        listed = [
            (place, card)
            for place, card in enumerate(creatures)
            if not card.tapped and card.blocking is None
        ]
        own: Fields = {
            "attackers": [fighter(index, card) for index, card in enumerate(attackers)],
            "blockers": [fighter(place, card) for place, card in listed],
            "ai_choice": [
                {"blocker": creatures.index(blocker), "attacker": place}
                for place, attacker in enumerate(attackers)
                for blocker in combat.blockers.get(attacker.id, [])
            ],
        }
        self._log(seat, "declare_blockers", own)

    def assign_damage(
        self, attacker: Card, blockers: list[Card], victim: Target | None
    ) -> list[tuple[Target, int]]:
        """Kill one blocker after the other; what is left tramples, or goes to the last."""
        left = attacker.power
        shares: list[tuple[Target, int]] = []
        deadly = Keyword.DEATHTOUCH in attacker.keywords
        for blocker in blockers:
            needed = 1 if deadly else max(blocker.toughness - blocker.damage, 0)
            shares.append((blocker, min(left, needed)))
            left -= shares[-1][1]
        if left and victim is not None and Keyword.TRAMPLE in attacker.keywords:
            shares.append((victim, left))
        elif left:
            shares[-1] = (blockers[-1], shares[-1][1] + left)
        return shares

    def _log(self, seat: int, kind: str, own: Fields) -> None:
        game = self._game
        number, self._counts[seat] = self._counts[seat], self._counts[seat] + 1
        self._link.print(
            f'DECISION:{{"decision_type":"{kind}","decision_id":{number}'
            f',"player":{quote(game.players[seat].name)},"turn":{game.turn}'
            f',"phase":"{game.phase.value}","game_state":{self._state()},{fields(own)}}}'
        )

    def _state(self) -> str:
        game = self._game
        encode = _encode_counts if self._version is Version.OLDER else _encode_player
        camel = ""
        if self._version is Version.NEWEST:
            camel = f',"activePlayer":{game.active},"priorityPlayer":{self.priority}'
        return (
            f'{{"is_game_over":{flag(game.is_over)}'
            f',"active_player":{quote(game.players[game.active].name)}{camel}'
            f',"players":{array(map(encode, game.players))}}}'
        )


_PASS: Final[Fields] = {
    "index": -1,
    "card": "",
    "description": "Pass priority",
    "is_land": False,
    "mana_cost": "",
}


def _entry(index: int, play: Play) -> Value:
    return {
        "index": index,
        "card": play.card.face.name,
        "description": play.description[:_LONGEST_TEXT],
        "is_land": play.is_land_play,
        "mana_cost": play.cost,
    }


def _describe(action: Action) -> Value:
    text = action.face.text if action.ability is None else action.ability.text
    return {
        "card": action.card.face.name,
        "description": text,
        "is_land": action.face.is_land and action.ability is None,
    }


def _find(plays: list[Play], action: Action | None) -> int:
    """Return the place of an action in the list, -1 for none."""
    for index, play in enumerate(plays):
        other = play.action
        if action is None or other is None or other.kind is not action.kind:
            continue
        if (other.card, other.way, other.ability) == (action.card, action.way, action.ability):
            return index
    return -1


def _legal(
    able: list[Card], attackers: list[Card], pairs: list[tuple[int, int]]
) -> list[tuple[Card, Card]]:
    return [
        (able[blocker], attackers[attacker])
        for blocker, attacker in pairs
        if can_block(able[blocker], attackers[attacker])
    ]


def _encode_counts(player: Player) -> str:
    """Encode a player as the older version does: of all zones counts alone."""
    return (
        f'{{"name":{quote(player.name)},"life":{player.life}'
        f',"lands_played_this_turn":{player.lands_played},"max_land_plays":{MAX_LAND_PLAYS}'
        f',"hand_size":{len(player.hand)},"library_size":{len(player.library)}'
        f',{_summary(player)},"mana_pool":{{"total":{len(player.pool)}}}}}'
    )


def _encode_player(player: Player) -> str:
    return (
        f'{{"name":{quote(player.name)},"life":{player.life},"poison":{player.poison}'
        f',"has_lost":{flag(player.has_lost)}'
        f',"lands_played_this_turn":{player.lands_played},"max_land_plays":{MAX_LAND_PLAYS}'
        f',"library_size":{len(player.library)},"hand_size":{len(player.hand)}'
        f',"hand":{array(map(_encode_card, player.hand))},{_summary(player)}'
        f',"battlefield":{array(map(_encode_permanent, player.battlefield))}'
        f',"graveyard":{array(map(_encode_card, player.graveyard))}'
        f',"exile":{array(map(_encode_card, player.exile))}'
        f',"mana_pool":{{"total":{len(player.pool)}}}}}'
    )


def _summary(player: Player) -> str:
    creatures = sum(card.is_creature for card in player.battlefield)
    lands = sum(card.is_land and not card.is_creature for card in player.battlefield)
    other = len(player.battlefield) - creatures - lands
    return (
        f'"battlefield_creatures":{creatures},"battlefield_lands":{lands}'
        f',"battlefield_other":{other}'
    )


def _encode_card(card: Card) -> str:
    return f'{{"id":{card.id},{_printed(card.face)}}}'


@lru_cache(maxsize=4096)
def _printed(face: CardFace) -> str:
    kinds = {kind: bool(getattr(face, f"is_{kind}")) for kind in _KINDS}
    size = (face.power, face.toughness) if face.is_creature else (0, 0)
    return _describe_card(face, kinds, size)


def _describe_card(face: CardFace, kinds: dict[str, bool], size: tuple[int, int]) -> str:
    flags = ",".join(f'"is_{kind}":{flag(has_it)}' for kind, has_it in kinds.items())
    return (
        f'"name":{quote(face.name)},"cmc":{face.cost.mana_value},{flags}'
        f',"power":{size[0]},"toughness":{size[1]},"oracle_text":{quote(face.text)}'
    )


def _encode_permanent(card: Card) -> str:
    kinds = {kind: bool(getattr(card.face, f"is_{kind}")) for kind in _KINDS}
    kinds |= {
        "creature": card.is_creature,
        "land": card.is_land,
        "artifact": card.is_artifact,
        "planeswalker": card.is_planeswalker,
    }
    size = (card.power, card.toughness) if card.is_creature else (0, 0)
    damage = f',"damage":{card.damage}' if card.is_creature else ""
    loyalty = f',"loyalty":{card.counters.get(LOYALTY, 0)}' if card.is_planeswalker else ""
    counters: list[Value] = [
        {"type": _COUNTER_NAMES.get(kind, kind.lower()), "count": count}
        for kind, count in card.counters.items()
        if count > 0
    ]
    listed = f',"counters":{write(counters)}' if counters else ""
    return (
        f'{{"id":{card.id},{_describe_card(card.face, kinds, size)}'
        f',"tapped":{flag(card.tapped)},"summoningSickness":{flag(is_sick(card))}'
        f"{damage}{loyalty}{listed}}}"
    )
