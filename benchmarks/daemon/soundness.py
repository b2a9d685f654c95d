"""What must hold at every decision of every game, looked at from both sides.

``WireWatch`` knows only what a client gets, ``StateWatch`` looks into the game that sent it. Both
raise Unsound with a sentence that says what does not hold.

Border: soundness only. Whether a card does what it should is for the tests of that card.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeAlias

import msgspec
from trainingrun_daemon.rules.continuous import refresh
from trainingrun_daemon.rules.enums import Keyword, Phase, Zone
from trainingrun_daemon.rules.model import RESOLUTION_CAP, TURN_CAP, Card, Game, Player
from trainingrun_daemon.rules.zones import LOYALTY, MINUS, PLUS, cards_in
from trainingrun_protocol.decisions import DecisionType, decode_decision

from testkit.decision_keys import CARD_KEYS, PLAYER_KEYS

Json: TypeAlias = dict[str, Any]
Visible: TypeAlias = dict[int, tuple[str, Json]]
"""What a client sees: zone and card, by id."""

PREFIX: Final = b"DECISION:"
PHASES: Final = frozenset(phase.value for phase in Phase)
COMBAT: Final = frozenset(phase for phase in PHASES if phase.startswith("COMBAT"))
ZONES: Final = ("hand", "graveyard", "battlefield", "exile", "command")
THOROUGH_EVERY: Final = 40
"""Of so many decisions one is also read with slow readers."""
STATE_KEYS: Final = frozenset(
    (
        "is_game_over",
        "turn",
        "phase",
        "active_player",
        "priority_player",
        "players",
        "stack",
        "activePlayer",
        "priorityPlayer",
    )
)
DECISION_KEYS: Final = frozenset(
    (
        "decision_type",
        "decision_id",
        "player",
        "turn",
        "phase",
        "message",
        "game_state",
        "actions",
    )
)
ACTION_KEYS: Final = frozenset(
    (
        "index",
        "card",
        "card_id",
        "description",
        "mana_cost",
        "is_land",
    )
)
OWN_KEYS: Final = {
    "choose_action": {"actions"},
    "declare_attackers": {"attackers"},
    "declare_blockers": {"blockers", "attackers"},
    "choose_ability": {"abilities"},
    "choose_cards": {"cards", "min", "max", "optional"},
    "choose_entity": {"entities", "optional"},
    "announce_value": {"min", "max"},
    "reveal": {"cards"},
    "play_trigger": set(),
    "confirm_action": set(),
    "play_from_effect": set(),
}
DECISION_TYPES: Final = frozenset(OWN_KEYS)
_POOL: Final = {"W": "white", "U": "blue", "B": "black", "R": "red", "G": "green", "C": "colorless"}


class Unsound(Exception):
    """Something that must hold does not."""


def require(holds: object, what: str) -> None:
    """Raise Unsound unless it holds."""
    if not holds:
        raise Unsound(what)


def read_decision(line: bytes, *, number: int) -> Json:
    """Give the object of a DECISION line; every so often it is read by several readers."""
    raw = line.removeprefix(PREFIX)
    if number % THOROUGH_EVERY == 0:
        decision: Json = json.loads(raw, object_pairs_hook=_pairs, parse_constant=_no_constant)
        kind = decode_decision(raw.strip()).decision_type
        require(kind is not DecisionType.UNKNOWN, "a client would not know this decision")
        return decision
    return msgspec.json.decode(raw)  # type: ignore[no-any-return]


def _pairs(pairs: list[tuple[str, Any]]) -> Json:
    found = dict(pairs)
    require(len(found) == len(pairs), "a key stands twice in an object")
    return found


def _no_constant(text: str) -> None:
    raise Unsound(f"{text} is no JSON")


class LineWatch:
    """Looks at raw lines: none empty, all ASCII, one terminal line, nothing after it."""

    def __init__(self) -> None:
        self.terminal: bytes | None = None

    def see(self, line: bytes) -> None:
        """Look at one line without its end."""
        require(self.terminal is None, f"a line after the terminal one: {line[:80]!r}")
        require(line.strip(), "an empty line")
        require(line.isascii(), f"a byte above 127: {line[:80]!r}")
        require(not line.startswith((b"GAME_ERROR", b"ERROR", b"GAME_TIMEOUT")), f"{line[:200]!r}")
        if line.startswith(b"GAME_RESULT:"):
            self.terminal = line


class WireWatch:
    """Follows one interactive or observed game by its DECISION lines."""

    def __init__(self, sizes: tuple[int, int]) -> None:
        self._sizes = sizes
        self._owners: dict[int, int] = {}
        self._turn = 1
        self._count = 0
        self.names: tuple[str, ...] = ()

    def see(self, decision: Json) -> None:
        """Look at the next decision."""
        self._count += 1
        kind = decision.get("decision_type")
        require(kind in DECISION_TYPES, f"unknown decision type {kind}")
        missing = (DECISION_KEYS | OWN_KEYS[kind]) - decision.keys()
        require(not missing, f"{kind} lacks {sorted(missing)}")
        require(decision["decision_id"] == self._count, "decision_id does not run")
        state = decision["game_state"]
        self._see_head(decision, state)
        viewer = state["priorityPlayer"]
        visible = self._see_cards(state, viewer)
        for seat, player in enumerate(state["players"]):
            _check_player(player, seat=seat, viewer=viewer)
        if kind == "choose_action":
            require(all(player["life"] > 0 for player in state["players"]), "a dead player plays")
        _check_combat(state)
        _check_options(decision, visible)

    def _see_head(self, decision: Json, state: Json) -> None:
        require(not STATE_KEYS - state.keys(), f"no {sorted(STATE_KEYS - state.keys())}")
        names = tuple(player["name"] for player in state["players"])
        require(len(names) == 2 and names == (self.names or names), "the players have changed")
        self.names = names
        require(decision["phase"] == state["phase"] in PHASES, f"phase {decision['phase']}")
        require(decision["turn"] == state["turn"], "two turn numbers")
        require(self._turn <= state["turn"] <= TURN_CAP, f"turn {state['turn']}")
        self._turn = state["turn"]
        require(decision["player"] == names[state["priorityPlayer"]], "who is asked is unclear")
        require(state["priority_player"] == decision["player"], "two priority players")
        require(state["active_player"] == names[state["activePlayer"]], "two active players")
        require(state["is_game_over"] is False, "a decision after the end")
        require(decision["message"] and isinstance(decision["message"], str), "no message")

    def _see_cards(self, state: Json, viewer: int) -> Visible:
        """Count the cards of each owner; gives all that are visible, by id, with their zone."""
        visible: Visible = {}
        counts = [0, 0]
        for seat, player in enumerate(state["players"]):
            counts[seat] += player["library_size"]
            counts[seat] += player["hand_size"] - len(player["hand"])
            for zone in ZONES:
                for card in player[zone]:
                    if card["id"] in visible:
                        raise Unsound(f"{card['name']} is in two zones")
                    visible[card["id"]] = (zone, card)
                    owner = viewer if card["ownerIsSelf"] else 1 - viewer
                    _check_card(card, zone=zone, seat=seat, owner=owner, viewer=viewer)
                    if not card["is_token"]:
                        counts[owner] += 1
                        self._see_owner(card["id"], owner)
        for item in state["stack"]:
            require(item["controller"] in self.names, "a stack item of nobody")
            require(item["description"] and item["source_card"], "a stack item without words")
            if item["is_spell"]:
                require(item["source_card_id"] not in visible, "a spell is in a zone as well")
                counts[item["owner"]] += 1
                self._see_owner(item["source_card_id"], item["owner"])
        ids = [item["id"] for item in state["stack"]]
        require(len(ids) == len(set(ids)), "two stack items have one id")
        if tuple(counts) != self._sizes:
            where = {
                zone: [card["name"] for place, card in visible.values() if place == zone]
                for zone in ZONES[1:]
            }
            raise Unsound(f"cards {counts}, decks {self._sizes}: {where} {state['stack']}")
        return visible

    def _see_owner(self, card_id: int, owner: int) -> None:
        if not (self._owners.setdefault(card_id, owner) == owner):
            raise Unsound(f"card {card_id} changed owner")


def _check_card(card: Json, *, zone: str, seat: int, owner: int, viewer: int) -> None:
    sizes = (card.get("power"), card.get("toughness"))
    is_sized = all(type(size) is int for size in sizes)
    is_here = zone == "battlefield"
    is_idle = not (card["tapped"] or card["attacking"] or card["blocking"] or card["damage"])
    for what, holds in (
        ("its name", card["name"]),
        ("its keys", not CARD_KEYS - card.keys()),
        ("its size", is_sized if card["is_creature"] else sizes == (None, None)),
        ("its loyalty", card["is_planeswalker"] == ("loyalty" in card)),
        ("its counters", all(entry["type"] and entry["count"] > 0 for entry in card["counters"])),
        ("its damage", card["damage"] >= 0),
        ("its controller", not is_here or card["controllerIsSelf"] == (seat == viewer)),
        ("its owner", is_here or owner == seat),
        ("a token that should be gone", is_here or zone == "command" or not card["is_token"]),
        ("what it does", is_here or is_idle),
    ):
        if not holds:
            raise Unsound(f"{what} is wrong, in the {zone}: {card}")


def _check_player(player: Json, *, seat: int, viewer: int) -> None:
    name = player["name"]
    require(not PLAYER_KEYS - player.keys(), f"{name} lacks {PLAYER_KEYS - player.keys()}")
    require(player["id"] == seat, f"{name}: id {player['id']}")
    if seat == viewer:
        require(len(player["hand"]) == player["hand_size"], f"{name}: size of the hand")
    else:
        require(player["hand"] == [], f"the hand of {name} is shown to the opponent")
    for what in ("hand_size", "library_size", "poison", "lands_played_this_turn"):
        require(player[what] >= 0, f"{name}: {what} {player[what]}")
    require(player["lands_played_this_turn"] <= player["max_land_plays"], f"{name}: land drops")
    require(player["has_lost"] is False, f"{name} has lost and the game goes on")
    long, short = player["mana_pool"], player["mana"]
    amounts = [short[color] for color in _POOL]
    require(amounts == [long[word] for word in _POOL.values()], f"{name}: two mana pools")
    require(long["total"] == sum(amounts) and min(amounts) >= 0, f"{name}: mana {long}")


def _check_combat(state: Json) -> None:
    combat = state.get("combat")
    if combat is None:
        require("combat" not in state, "combat is there and empty")
        return
    require(state["phase"] in COMBAT, f"combat in {state['phase']}")
    require(combat["attacking_player"] == state["active_player"], "somebody else attacks")
    _check_positions(combat["attackers"], "combat.attackers")
    here = {card["id"]: card for player in state["players"] for card in player["battlefield"]}
    for entry in combat["attackers"]:
        require(entry["id"] == entry["index"], "combat: id is not index")
        require(entry["card_id"] in here, f"{entry['name']} attacks from nowhere")
        for blocker in entry["blocked_by"]:
            require(blocker["id"] in here, f"{blocker['name']} blocks from nowhere")


def _check_options(decision: Json, visible: Visible) -> None:
    actions = decision["actions"]
    require(actions and actions[-1]["index"] == -1, "no way to pass")
    _check_positions(actions[:-1], "actions")
    for action in actions:
        require(not ACTION_KEYS - action.keys(), f"an action lacks {ACTION_KEYS - action.keys()}")
    check = _CHECKS.get(decision["decision_type"])
    if check is not None:
        check(decision, visible)


def _check_actions(decision: Json, visible: Visible) -> None:
    require(len(decision["actions"]) > 1, "asked without a choice")
    for action in decision["actions"][:-1]:
        require(action["card_id"] in visible, f"{action['card']} is played from nowhere")


def _check_attackers(decision: Json, visible: Visible) -> None:
    _check_fighters(decision["attackers"], visible)


def _check_blockers(decision: Json, visible: Visible) -> None:
    _check_fighters(decision["attackers"], visible)
    _check_fighters(decision["blockers"], visible)


def _check_choosable(decision: Json, _visible: Visible) -> None:
    count, least, most = len(decision["cards"]), decision["min"], decision["max"]
    require(0 <= least <= most and least <= count, f"{least} to {most} of {count} cards")
    require(count and most, "asked for no cards")


def _check_entities(decision: Json, _visible: Visible) -> None:
    require(decision["entities"], "no entities")
    _check_positions(decision["entities"], "entities")


def _check_abilities(decision: Json, _visible: Visible) -> None:
    require(len(decision["abilities"]) > 1, "asked for the only ability")
    _check_positions(decision["abilities"], "abilities")


def _check_range(decision: Json, _visible: Visible) -> None:
    require(0 <= decision["min"] < decision["max"], "no range")


def _check_reveal(decision: Json, _visible: Visible) -> None:
    require(decision["cards"], "nothing is revealed")


_CHECKS: Final[dict[str, Callable[[Json, Visible], None]]] = {
    "choose_action": _check_actions,
    "declare_attackers": _check_attackers,
    "declare_blockers": _check_blockers,
    "choose_cards": _check_choosable,
    "choose_entity": _check_entities,
    "choose_ability": _check_abilities,
    "announce_value": _check_range,
    "reveal": _check_reveal,
}


def _check_fighters(fighters: list[Json], visible: Visible) -> None:
    require(fighters, "nobody can fight")
    _check_positions(fighters, "fighters")
    for fighter in fighters:
        zone, card = visible.get(fighter["id"], ("", {}))
        require(zone == "battlefield", f"{fighter['name']} fights from nowhere")
        require(card["is_creature"], f"{fighter['name']} fights and is no creature")
        same = all(fighter[size] == card[size] for size in ("power", "toughness"))
        require(same, f"{fighter['name']} has two sizes")


def _check_positions(entries: list[Json], what: str) -> None:
    require([entry["index"] for entry in entries] == list(range(len(entries))), f"{what}: index")


class StateWatch:
    """Follows one game from inside."""

    def __init__(self, game: Game) -> None:
        self._game = game
        self._origin = {
            card.id: (card.owner, card.printed.name)
            for player in game.players
            for card in player.library
        }

    def see(self) -> None:
        """Look at the state as it is now."""
        seen: dict[int, Card] = {}
        for card in self._cards():
            if card.id in seen:
                raise Unsound(f"{card} is in two places")
            seen[card.id] = card
        found = {
            card.id: (card.owner, card.printed.name) for card in seen.values() if not card.is_token
        }
        if found != self._origin:
            lost = self._origin.keys() - found.keys()
            raise Unsound(
                f"cards lost {sorted(lost)}, or gained {sorted(found.keys() - lost)[-3:]}"
            )
        self._see_permanents()
        self._see_combat()

    def find(self, card_id: int) -> Card:
        """Give the card with this id, wherever it is."""
        return next(card for card in self._cards() if card.id == card_id)

    def agree(self, decision: Json) -> None:
        """Check that the client has been told what is so."""
        for player, told in zip(self._game.players, decision["game_state"]["players"], strict=True):
            require(told["life"] == player.life, f"{player}: the client thinks {told['life']}")
            require(told["library_size"] == len(player.library), f"{player}: library")
            require(told["hand_size"] == len(player.hand), f"{player}: hand")
            for zone in ("battlefield", "graveyard", "exile", "command"):
                ids = [card.id for card in cards_in(player, Zone(zone))]
                require([card["id"] for card in told[zone]] == ids, f"{player}: {zone}")

        self._see_leaks(decision)
        if decision["decision_type"] == "choose_action":
            self._see_settled()
            self._see_values()

    def see_end(self) -> None:
        """Look at a game that is over: one has lost, or there is a reason for a draw."""
        game, losers = self._game, [player.seat for player in self._game.players if player.has_lost]
        require(game.is_over, "it stops and is not over")
        if game.winner is not None:
            require(losers == [1 - game.winner], f"{game.winner} won and {losers} lost")
        elif losers != [0, 1]:
            is_capped = game.turn > TURN_CAP or game.resolutions > RESOLUTION_CAP
            require(is_capped and not losers, f"a draw, and {losers} lost")

    def _see_settled(self) -> None:
        """Check that no state-based action is due when a player has priority (rule 704.3)."""
        for player in self._game.players:
            legends = Counter(
                card.face.name for card in player.battlefield if card.face.is_legendary
            )
            require(max(legends.values(), default=0) <= 1, f"{player} has a legend twice")
            for card in player.battlefield:
                wrong = _due(card)
                if wrong:
                    raise Unsound(f"{card} {wrong}, and a player has priority")

    def _see_values(self) -> None:
        """Check that what was computed earlier is what it would be now."""
        game = self._game
        cards = [card for player in game.players for card in player.battlefield]
        before = [_values(card) for card in cards]
        was_stale, game.is_stale = game.is_stale, True
        refresh(game)
        game.is_stale = was_stale
        for card, values in zip(cards, before, strict=True):
            if values != _values(card):
                raise Unsound(f"{card} was {values} and is {_values(card)}")

    def _see_leaks(self, decision: Json) -> None:
        """Check that nobody chooses among the cards in the library of the other.

        A reveal may show them: it is public.
        """
        if decision["decision_type"] == "reveal":
            return
        viewer = decision["game_state"]["priorityPlayer"]
        hidden = {card.id for card in self._game.players[1 - viewer].library}
        shown = {card["id"] for card in decision.get("cards", ())}
        require(not hidden & shown, f"cards of the other library: {decision['message']}")

    def _cards(self) -> Iterator[Card]:
        for player in self._game.players:
            for zone in Zone:
                if zone is not Zone.STACK:
                    yield from self._cards_in(player, zone)
        for item in self._game.stack:
            if item.is_spell:
                if item.card.zone is not Zone.STACK:
                    raise Unsound(f"{item} is in the {item.card.zone}")
                yield item.card

    @staticmethod
    def _cards_in(player: Player, zone: Zone) -> Iterator[Card]:
        is_here = zone is Zone.BATTLEFIELD
        for card in cards_in(player, zone):
            if card.zone is not zone:
                raise Unsound(f"{card} is in the {zone}")
            if (card.controller if is_here else card.owner) != player.seat:
                raise Unsound(f"{card} is with the wrong player")
            if card.is_token and not is_here and zone is not Zone.COMMAND:
                raise Unsound(f"{card} is a token")
            yield card

    def _see_permanents(self) -> None:
        for player in self._game.players:
            for card in player.battlefield:
                if not card.face.is_permanent:
                    raise Unsound(f"{card} is no permanent")
                if min(card.counters.values(), default=1) <= 0:
                    raise Unsound(f"{card} has {card.counters}")
                host = card.attached_to
                if host is card or (host is not None and host.zone is not Zone.BATTLEFIELD):
                    raise Unsound(f"{card} hangs on {host}")

    def _see_combat(self) -> None:
        combat = self._game.combat
        fighting = Counter(
            card.id
            for player in self._game.players
            for card in player.battlefield
            if card.attacking
        )
        if combat is None:
            require(not fighting, "somebody attacks without combat")
            return
        attackers = Counter(card.id for card in combat.attackers)
        doubled = [card_id for card_id, count in attackers.items() if count > 1]
        require(not doubled, f"{doubled} attack twice")
        require(not fighting - attackers, "an attacker is not in combat")
        for card in combat.attackers:
            require(card.zone is Zone.BATTLEFIELD, f"{card} attacks")
            require(card.controller == combat.seat, f"{card} attacks for the wrong player")


def _values(card: Card) -> tuple[object, ...]:
    size = (card.power, card.toughness) if card.is_creature else ()
    kinds = (card.is_creature, card.is_land, card.is_artifact, card.is_planeswalker)
    return (*size, card.keywords, card.subtypes, kinds, len(card.activated), len(card.triggers))


def _due(card: Card) -> str:
    """Say which state-based action is due for a permanent, if any."""
    host = card.attached_to
    is_lethal = card.damage >= card.toughness and Keyword.INDESTRUCTIBLE not in card.keywords
    for what, is_due in (
        ("has no toughness", card.is_creature and card.toughness <= 0),
        ("has lethal damage", card.is_creature and is_lethal),
        ("has no loyalty", card.is_planeswalker and not card.counters.get(LOYALTY)),
        ("enchants nothing", card.face.is_aura and not card.is_creature and host is None),
        ("equips no creature", host is not None and not card.face.is_aura and not host.is_creature),
        ("has counters of two kinds", PLUS in card.counters and MINUS in card.counters),
    ):
        if is_due:
            return what
    return ""
