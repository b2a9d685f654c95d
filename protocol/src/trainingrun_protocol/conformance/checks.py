"""What must hold of a DECISION and of a run of them, each law by the name that vectors use.

A check gets each decision, with the one before it and its answer, and yields what is wrong. The
field table has been checked before (``fields``), so keys and types are relied upon here. Checks use
the JSON as it came: what they find must be visible to any client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final, Protocol, TypeAlias

from trainingrun_protocol.conformance.fields import COMBAT_PHASES, PHASES

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Moment:
    """One decision in its game; ``earlier`` and ``answer`` are those just before it."""

    decision: Json
    earlier: Json | None = None
    answer: str | None = None

    @property
    def kind(self) -> str:
        """The decision's type."""
        return str(self.decision["decision_type"])

    @property
    def players(self) -> list[Json]:
        """Both players, in the order of seats."""
        return list(self.decision["game_state"]["players"])

    @property
    def seat(self) -> int | None:
        """Position of the deciding player."""
        names = [player["name"] for player in self.players]
        name = self.decision["player"]
        return names.index(name) if name in names else None


class Check(Protocol):
    """A law; called with each decision of one game in turn."""

    def __call__(self, moment: Moment, /) -> Iterator[str]:
        """Give what is wrong with this decision."""


def phases(moment: Moment) -> Iterator[str]:
    """Yield the thirteen phases, the same in the decision and its state; combat only in combat."""
    state = moment.decision["game_state"]
    if moment.decision["phase"] not in PHASES:
        yield f"phase {moment.decision['phase']!r} is none of the thirteen"
    if state["phase"] != moment.decision["phase"] or state["turn"] != moment.decision["turn"]:
        yield "game_state has another phase or turn than the decision"
    if "combat" in state and state["phase"] not in COMBAT_PHASES:
        yield f"game_state has the key combat in phase {state['phase']}"


def numbering(moment: Moment) -> Iterator[str]:
    """decision_id runs; turns begin at 1 and never go back."""
    turn, number = moment.decision["turn"], moment.decision["decision_id"]
    if turn < 1:
        yield f"turn {turn} is below 1"
    if moment.earlier is not None:
        if number <= moment.earlier["decision_id"]:
            yield f"decision_id {number} follows {moment.earlier['decision_id']}"
        if turn < moment.earlier["turn"]:
            yield f"turn {turn} follows turn {moment.earlier['turn']}"


def positions(moment: Moment) -> Iterator[str]:
    """List positions equal ``index``; a pass with index -1 is among the actions, in the end."""
    decision = moment.decision
    for key in ("actions", "attackers", "blockers", "abilities", "entities"):
        entries = decision.get(key, [])
        if key == "actions":
            if not entries or entries[-1]["index"] != -1:
                yield "the last of actions is not the one with index -1"
            entries = entries[:-1]
        for position, entry in enumerate(entries):
            if isinstance(entry, dict) and entry.get("index", position) != position:
                yield f"{key}[{position}] has index {entry['index']}"
    for position, attacker in enumerate(
        decision["game_state"].get("combat", {}).get("attackers", [])
    ):
        if (attacker["index"], attacker["id"]) != (position, position):
            yield f"combat.attackers[{position}]: index and id are not its position"


def seats(moment: Moment) -> Iterator[str]:
    """Two players, named Agent(n)-<deck> or Ai(n)-<deck> by seat; one of them decides."""
    names = [player["name"] for player in moment.players]
    if len(names) != 2:
        yield f"there are {len(names)} players"
    for number, name in enumerate(names, start=1):
        if not name.startswith((f"Agent({number})-", f"Ai({number})-")):
            yield f"seat {number} is called {name!r}"
    if moment.seat is None:
        yield f"player {moment.decision['player']!r} is none of {names}"
    for key in ("active_player", "priority_player"):
        if moment.decision["game_state"][key] not in names:
            yield f"{key} {moment.decision['game_state'][key]!r} is none of {names}"


def hands(moment: Moment) -> Iterator[str]:
    """Yield the deciding seat sees its own hand in full and of the other only the number."""
    for position, player in enumerate(moment.players):
        shown, size = len(player["hand"]), player["hand_size"]
        if position == moment.seat and shown != size:
            yield f"the deciding seat has {size} cards in hand and is shown {shown}"
        if position != moment.seat and shown:
            yield f"the other seat's hand is shown ({shown} cards)"


def dialects(moment: Moment) -> Iterator[str]:
    """Both key dialects say the same."""
    state = moment.decision["game_state"]
    for first, second in (("active_player", "activePlayer"), ("priority_player", "priorityPlayer")):
        number = state[second]
        named = [
            player["name"]
            for position, player in enumerate(moment.players)
            if number in (player["id"], position)
        ]
        if state[first] not in named:
            yield f"{first} is {state[first]!r}, {second} is {number}"
    for player in moment.players:
        pool, mana = player["mana_pool"], player["mana"]
        amounts = [pool[key] for key in ("white", "blue", "black", "red", "green", "colorless")]
        if amounts != [mana[key] for key in "WUBRGC"] or pool["total"] != sum(amounts):
            yield f"mana_pool and mana of {player['name']} differ, or total is not their sum"
        for card in player["battlefield"]:
            if card["summoning_sick"] != card["summoningSickness"]:
                yield f"{card['name']}: summoning_sick and summoningSickness differ"


def cards(moment: Moment) -> Iterator[str]:
    """Power and toughness on creatures and nowhere else; types in words; lands cost nothing."""
    for player in moment.players:
        for card in chain(*(player[zone] for zone in _ZONES)):
            has_size = "power" in card and "toughness" in card
            if card["is_creature"] != has_size or ("power" in card) != ("toughness" in card):
                yield f"{card['name']}: power and toughness belong to creatures, and only to them"
            if card["is_creature"] and "Creature" not in card["types"]:
                yield f"{card['name']}: is_creature, and types is {card['types']!r}"
            if card["is_planeswalker"] and "loyalty" not in card:
                yield f"{card['name']}: a planeswalker without loyalty"


def actions(moment: Moment) -> Iterator[str]:
    """Lands cost ``no cost``, spells cost braces, and creatures show their size."""
    if moment.kind != "choose_action":
        return
    for action in moment.decision["actions"][:-1]:
        cost = action["mana_cost"]
        if action["is_land"] != (cost == "no cost"):
            yield f"{action['card']}: is_land is {action['is_land']} and mana_cost {cost!r}"
        elif not action["is_land"] and not (cost.startswith("{") and cost.endswith("}")):
            yield f"{action['card']}: mana_cost {cost!r} is not in braces"
        if not action["description"]:
            yield f"{action['card']}: the description is empty"


def asked(moment: Moment) -> Iterator[str]:
    """Yield every question has something to answer with."""
    lists = {
        "declare_attackers": ["attackers"],
        "declare_blockers": ["blockers", "attackers"],
        "choose_ability": ["abilities"],
        "choose_entity": ["entities"],
    }
    for key in lists.get(moment.kind, []):
        if not moment.decision[key]:
            yield f"{moment.kind} with no {key}"
    if moment.kind in {"choose_cards", "announce_value"}:
        low, high = moment.decision["min"], moment.decision["max"]
        if not 0 <= low <= high:
            yield f"{moment.kind} with min {low} and max {high}"
    if moment.kind == "choose_cards" and moment.decision["min"] > len(moment.decision["cards"]):
        yield "choose_cards wants more cards than it lists"


def discards(moment: Moment) -> Iterator[str]:
    """Yield a choice of cards in the clean-up says "discard"."""
    is_discard = moment.kind == "choose_cards" and moment.decision["phase"] == "CLEANUP"
    if is_discard and "discard" not in moment.decision["message"]:
        yield f"the message of a discard is {moment.decision['message']!r}"


def watched(moment: Moment) -> Iterator[str]:
    """With -o each decision says what the engine's player chose."""
    decision = moment.decision
    if "ai_choice" not in decision or "ai_choice_index" not in decision:
        yield "ai_choice or ai_choice_index is missing"
        return
    choice, index = decision["ai_choice"], decision["ai_choice_index"]
    if moment.kind in {"declare_attackers", "declare_blockers"} and not isinstance(choice, list):
        yield f"ai_choice of {moment.kind} is {choice!r}, not a list"
    if moment.kind != "choose_action":
        return
    if not isinstance(choice, dict) or "action" not in choice:
        yield f"ai_choice of choose_action is {choice!r}, not an object with action"
    elif choice["action"] == "pass":
        if index != -1:
            yield f"a pass has ai_choice_index {index}"
    elif not 0 <= index < len(decision["actions"]) - 1:
        yield f"ai_choice_index {index} is no position in actions"
    elif decision["actions"][index]["card"] != choice.get("card"):
        yield f"ai_choice names {choice.get('card')!r}, actions[{index}] another card"


def idle(moment: Moment) -> Iterator[str]:
    """Nothing is ever played: what cannot be read passes."""
    for player in moment.players:
        if player["battlefield"] or player["lands_played_this_turn"]:
            yield f"{player['name']} has played {player['battlefield'][0]['name']}"
    if moment.decision["game_state"]["stack"]:
        yield "something is on the stack"


def peaceful(moment: Moment) -> Iterator[str]:
    """No creature ever attacks: what cannot be read is no attack."""
    if moment.decision["game_state"].get("combat", {}).get("attackers"):
        yield "a creature attacks"


def unblocked(moment: Moment) -> Iterator[str]:
    """No creature ever blocks: what cannot be read is no block."""
    for attacker in moment.decision["game_state"].get("combat", {}).get("attackers", []):
        if attacker["blocked_by"]:
            yield f"{attacker['name']} is blocked"


def only_seat_one(moment: Moment) -> Iterator[str]:
    """Only seat 1 is asked."""
    if moment.seat != 0:
        yield f"{moment.decision['player']} is asked"


def only_seat_two(moment: Moment) -> Iterator[str]:
    """Only seat 2 is asked."""
    if moment.seat != 1:
        yield f"{moment.decision['player']} is asked"


# --- laws over several decisions ------------------------------------------------------------------

_ZONES: Final = ("hand", "graveyard", "battlefield", "exile")


@dataclass(slots=True)
class Conserved:
    """Every card is in one zone, and a player's cards are always as many as at the start."""

    decks: list[int] = field(default_factory=list)

    def __call__(self, moment: Moment) -> Iterator[str]:
        """Count the cards of each owner."""
        seen = Counter(card["id"] for _, card in _visible_cards(moment))
        seen.update(item["source_card_id"] for item in _spells(moment, seen))
        for card, count in seen.items():
            if count > 1:
                yield f"card {card} is in {count} zones"
        counts = _owned(moment, seen)
        self.decks = self.decks or counts
        for position, (count, whole) in enumerate(zip(counts, self.decks, strict=True)):
            if count != whole:
                yield f"seat {position + 1} has {count} cards over all zones, {whole} at the start"


def _visible_cards(moment: Moment) -> Iterator[tuple[int, Json]]:
    """Yield each listed card with the position of its owner; tokens are left out."""
    for position, player in enumerate(moment.players):
        for zone in _ZONES:
            for card in player[zone]:
                if card.get("is_token") or "Token" in card["types"]:
                    continue
                is_deciders = card["ownerIsSelf"] == (position == moment.seat)
                yield (position if is_deciders else 1 - position), card


def _spells(moment: Moment, seen: Counter[int]) -> list[Json]:
    """Stack items that are cards; without ``is_spell``, those whose card is nowhere else."""
    return [
        item
        for item in moment.decision["game_state"]["stack"]
        if item.get("is_spell", item["source_card_id"] not in seen)
    ]


def _owned(moment: Moment, _seen: Counter[int]) -> list[int]:
    counts = [player["library_size"] for player in moment.players]
    names = [player["name"] for player in moment.players]
    for position, player in enumerate(moment.players):
        counts[position] += player["hand_size"] - len(player["hand"])
    for position, _ in _visible_cards(moment):
        counts[position] += 1
    listed = Counter(card["id"] for _, card in _visible_cards(moment))
    for item in _spells(moment, listed):
        owner = item.get("owner")
        counts[names.index(item["controller"]) if owner is None else int(owner)] += 1
    return counts


@dataclass(slots=True)
class Executed:
    """A land that was chosen is on the battlefield at the seat's next decision."""

    chosen: dict[str, int] = field(default_factory=dict)

    def __call__(self, moment: Moment) -> Iterator[str]:
        """Compare with what this seat chose last."""
        before, answer = moment.earlier, moment.answer
        if before is not None and before["decision_type"] == "choose_action":
            listed = before["actions"][:-1]
            number = int(answer) if answer is not None and answer.isdecimal() else -1
            if 0 <= number < len(listed) and listed[number]["is_land"]:
                self.chosen[before["player"]] = listed[number]["card_id"]
        card = self.chosen.pop(moment.decision["player"], None)
        if card is not None and moment.seat is not None:
            there = {entry["id"] for entry in moment.players[moment.seat]["battlefield"]}
            if card not in there:
                yield f"land {card} was chosen and is not on the battlefield"


@dataclass(slots=True)
class MovesOn:
    """The same prompt does not come again and again."""

    repeats: int = 0

    def __call__(self, moment: Moment) -> Iterator[str]:
        """Compare all but the number with the decision before."""
        if moment.earlier is not None:
            same = {**moment.decision, "decision_id": 0} == {**moment.earlier, "decision_id": 0}
            self.repeats = self.repeats + 1 if same else 0
        if self.repeats == 3:
            yield f"the same {moment.kind} came four times; the answer was {moment.answer!r}"


CHECKS: Final[Mapping[str, Callable[[], Check]]] = {
    **{
        name: lambda check=check: check  # type: ignore[misc]
        for name, check in {
            "phases": phases,
            "numbering": numbering,
            "positions": positions,
            "seats": seats,
            "hands": hands,
            "dialects": dialects,
            "cards": cards,
            "actions": actions,
            "asked": asked,
            "discards": discards,
            "watched": watched,
            "idle": idle,
            "peaceful": peaceful,
            "unblocked": unblocked,
            "only-seat-1": only_seat_one,
            "only-seat-2": only_seat_two,
        }.items()
    },
    "conserved": Conserved,
    "executed": Executed,
    "moves-on": MovesOn,
}
"""What makes each law's check for a new game."""
