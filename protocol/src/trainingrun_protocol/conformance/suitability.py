"""Whether games of a daemon teach the game: what its rules were seen to do, and what they were not.

A daemon may keep the line protocol and still play another game: builds are known in which mana is
free. Each finding stands on what was played: how often there was occasion to see a law, and how
often it held. Nothing follows from a version, and what was not seen is said to be so. Border: no
connection; one ``GameWatch`` a game takes its decisions and gives the answers.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from random import Random
from typing import Any, Final, TypeAlias

import msgspec

from trainingrun_protocol.conformance.game import DiffersError
from trainingrun_protocol.dialects.reveals import logged_reveal
from trainingrun_protocol.dialects.translation import translate

Json: TypeAlias = dict[str, Any]

MOST_REPEATS: Final = 20
_ENOUGH: Final = 10
"""Occasions after which a law that never held is taken for one that never holds."""
_ZONES: Final = ("hand", "graveyard", "battlefield", "exile")
_AT_PRIORITY: Final = frozenset({"choose_action", "declare_attackers", "declare_blockers"})
_KINDS: Final = frozenset(
    {
        "choose_ability",
        "play_trigger",
        "confirm_action",
        "play_from_effect",
        "choose_cards",
        "choose_entity",
        "announce_value",
        "reveal",
        *_AT_PRIORITY,
    }
)
_COST: Final = re.compile(r"\{([1-9][0-9]?|[WUBRG])\}")
_TARGETS: Final = re.compile(r"\btarget\b", re.IGNORECASE)
_TRIGGERS: Final = re.compile(r"\bwhenever\b[^.]*\battacks\b", re.IGNORECASE)


class Law(StrEnum):
    """What is watched."""

    ACTIONS = "actions are carried out"
    MANA = "mana is paid"
    TARGETS = "spells with targets work"
    TRIGGERS = "triggers happen"
    PROGRESS = "questions do not repeat"
    KINDS = "every question is known"
    ENDS = "games end by the rules"
    HANDS = "the other hand is hidden"
    CONNECTION = "a connection plays game after game (-k)"
    ENGINE_SEAT = "the engine plays a seat (-a)"
    SEED = "a seed repeats a game (-s)"
    QUEUE = "STATUS counts the queue"


class Suitability(StrEnum):
    """What a finding means for a training, worst last."""

    FINE = "fine"
    NOT_SEEN = "not seen"
    CARE = "works with care"
    UNUSABLE = "cannot be trained on"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What it means that a law is broken, and what to do."""

    broken: Suitability
    advice: str


_MEANINGS: Final[dict[Law, _Meaning]] = {
    Law.ACTIONS: _Meaning(
        Suitability.UNUSABLE, "chosen actions do nothing: take a newer build of the engine"
    ),
    Law.MANA: _Meaning(
        Suitability.UNUSABLE,
        "costs cost nothing, so a policy learns another game: repair the payment in the build",
    ),
    Law.TARGETS: _Meaning(
        Suitability.CARE,
        "such spells vanish, and a policy learns never to cast them: use decks without them",
    ),
    Law.TRIGGERS: _Meaning(
        Suitability.CARE, "cards do less than they say: use decks whose cards have no triggers"
    ),
    Law.PROGRESS: _Meaning(
        Suitability.CARE,
        f"actors pass after {MOST_REPEATS} repeats (counted as loop): set gameTimeoutSeconds",
    ),
    Law.KINDS: _Meaning(
        Suitability.UNUSABLE, "actors give up such a game: map it to one of the eleven types"
    ),
    Law.ENDS: _Meaning(
        Suitability.CARE, "such games are played anew and cost time: leave out decks that cause it"
    ),
    Law.HANDS: _Meaning(Suitability.FINE, "actors drop it unread"),
    Law.CONNECTION: _Meaning(
        Suitability.FINE, "each game has a connection of its own: some milliseconds a game"
    ),
    Law.ENGINE_SEAT: _Meaning(
        Suitability.CARE, "there is no opponent `engine`: name others in spec.opponents"
    ),
    Law.SEED: _Meaning(Suitability.CARE, "no game and no evaluation can be repeated exactly"),
    Law.QUEUE: _Meaning(
        Suitability.CARE,
        "a full daemon answers no one: keep gamesPerDaemon below its Max concurrent",
    ),
}


_HOLDS_MOSTLY: Final = frozenset({Law.ACTIONS, Law.MANA, Law.TARGETS})
"""Laws that a card may break by its own text: other costs, a land that goes at once."""


class Finding(msgspec.Struct, frozen=True):
    """One law, what it means for a training, what was seen, and what to do."""

    law: Law
    suitability: Suitability
    seen: str
    advice: str = ""


@dataclass(slots=True)
class Evidence:
    """Over all games: how often each law held and was broken, with the first case of a breach."""

    held: Counter[Law] = field(default_factory=Counter)
    broken: Counter[Law] = field(default_factory=Counter)
    examples: dict[Law, str] = field(default_factory=dict)

    def holds(self, law: Law) -> None:
        """Note an occasion on which a law held."""
        self.held[law] += 1

    def breaks(self, law: Law, example: str) -> None:
        """Note an occasion on which it did not."""
        self.broken[law] += 1
        self.examples.setdefault(law, example)

    def occasions(self, law: Law) -> int:
        """How often a law could be seen."""
        return self.held[law] + self.broken[law]

    @property
    def is_enough(self) -> bool:
        """Whether the laws of play were each seen, or had occasions enough to be."""
        return all(
            self.held[law] or self.broken[law] >= _ENOUGH
            for law in (Law.ACTIONS, Law.MANA, Law.TARGETS, Law.TRIGGERS)
        )


def findings(evidence: Evidence) -> tuple[Finding, ...]:
    """Return one finding for each law."""
    found = {law: _finding(evidence, law) for law in Law}
    taught = (Law.MANA, Law.TARGETS, Law.TRIGGERS)
    if all(found[law].suitability in {Suitability.CARE, Suitability.UNUSABLE} for law in taught):
        advice = "with free mana, lost spells and no triggers such a build teaches nothing"
        for law in taught:
            found[law] = msgspec.structs.replace(
                found[law], suitability=Suitability.UNUSABLE, advice=advice
            )
    return tuple(found.values())


def _finding(evidence: Evidence, law: Law) -> Finding:
    held, broken = evidence.held[law], evidence.broken[law]
    if not held + broken:
        return Finding(law, Suitability.NOT_SEEN, "no occasion in the games played")
    seen = f"{held} of {held + broken}"
    if not broken:
        return Finding(law, Suitability.FINE, seen)
    meaning = _MEANINGS[law]
    seen = f"{seen}; {evidence.examples[law]}"
    if law is Law.TRIGGERS and (held or broken < _ENOUGH):
        # A trigger may have come and gone between two questions.
        return Finding(law, Suitability.FINE if held else Suitability.NOT_SEEN, seen)
    if law in _HOLDS_MOSTLY and broken * 10 <= held:
        return Finding(law, Suitability.FINE, seen)
    if law is Law.ENDS and broken > held:
        return Finding(law, Suitability.UNUSABLE, seen, meaning.advice)
    return Finding(law, meaning.broken, seen, meaning.advice)


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An action that was chosen, and the table before it."""

    player: str
    turn: int
    card: int
    name: str
    is_land: bool
    is_spell: bool
    """Of the hand."""
    costs: bool
    has_targets: bool
    untapped: frozenset[int]
    owned: int


class GameWatch:
    """One game: judges each decision by the one before, and answers it as a simple player."""

    def __init__(self, evidence: Evidence, seed: int) -> None:
        self._evidence = evidence
        self._random = Random(seed)
        self._chosen: _Chosen | None = None
        self._announced: set[int] = set()
        self._stack: set[int] = set()
        self._attacked: str | None = None
        self._repeats: Counter[tuple[str, str]] = Counter()
        self._turn = 0
        self.decisions = 0

    def answer(self, raw: bytes) -> str | None:
        """Judge a DECISION's JSON and give the answer; None where none is owed.

        Raises:
            DiffersError: it cannot be read.
        """
        if logged_reveal(raw) is not None:
            return None
        try:
            return self._judged(raw)
        except (KeyError, IndexError, TypeError, ValueError, StopIteration) as error:
            raise DiffersError(f"a DECISION lacks a field, or has another type: {error}") from error

    def _judged(self, raw: bytes) -> str:
        self._see_hands(raw)
        decision = _translated(raw)
        self.decisions += 1
        kind = str(decision["decision_type"])
        if kind not in _KINDS:
            self._evidence.breaks(Law.KINDS, f"a question of the type {kind[:40]!r} came")
            raise DiffersError(f"a question of the unknown type {kind[:40]!r}")
        self._evidence.holds(Law.KINDS)
        self._see_stack(decision, kind)
        if kind in _AT_PRIORITY:
            self._see_outcome(decision)
        response = self._choose(decision, kind)
        return self._unless_repeated(decision, kind, response)

    # --- what is seen -----------------------------------------------------------------------------

    def _see_hands(self, raw: bytes) -> None:
        """Read the line as it came: translating it hides hands."""
        plain = msgspec.json.decode(raw)
        for player in plain["game_state"]["players"]:
            if player["name"] == plain["player"] or not player["hand_size"]:
                continue
            if player["hand"]:
                self._evidence.breaks(Law.HANDS, "the opponent's hand was shown")
            else:
                self._evidence.holds(Law.HANDS)

    def _see_stack(self, decision: Json, kind: str) -> None:
        """Distinguish triggers from what answers put on the stack."""
        triggered = kind == "play_trigger"
        for item in decision["game_state"]["stack"]:
            if item["id"] in self._stack:
                continue
            self._stack.add(item["id"])
            source = item.get("source_card_id")
            if source in self._announced:
                self._announced.discard(source)
            else:
                triggered = True
        if triggered:
            self._evidence.holds(Law.TRIGGERS)
        elif self._attacked is not None and kind in _AT_PRIORITY:
            self._evidence.breaks(Law.TRIGGERS, f"{self._attacked} attacked, and nothing came")
        if triggered or kind in _AT_PRIORITY:
            self._attacked = None

    def _see_outcome(self, decision: Json) -> None:
        """Compare the table with that before the last chosen action."""
        chosen, self._chosen = self._chosen, None
        self._announced.clear()
        if chosen is None:
            return
        player = next(each for each in _players(decision) if each["name"] == chosen.player)
        if chosen.is_land:
            is_there = chosen.card in {card["id"] for card in player["battlefield"]}
            self._note(Law.ACTIONS, f"{chosen.name} was played and is not there", holds=is_there)
        if not chosen.is_spell:
            return
        is_gone = _is_gone(decision, chosen) and _owned(decision, chosen.player) < chosen.owned
        if chosen.has_targets:
            self._note(Law.TARGETS, f"{chosen.name} was cast and is in no zone", holds=not is_gone)
        if chosen.costs and decision["turn"] == chosen.turn and not is_gone:
            is_paid = bool(chosen.untapped - _untapped(player))
            self._note(Law.MANA, f"{chosen.name} was cast, and no land was tapped", holds=is_paid)

    def _note(self, law: Law, example: str, *, holds: bool) -> None:
        if holds:
            self._evidence.holds(law)
        else:
            self._evidence.breaks(law, example)

    # --- what is answered -------------------------------------------------------------------------

    def _choose(self, decision: Json, kind: str) -> str:
        match kind:
            case "choose_action":
                return self._choose_action(decision)
            case "declare_attackers":
                return self._attack(decision)
            case "declare_blockers" | "reveal":
                return ""
            case "choose_ability":
                return str(decision["abilities"][0]["index"])
            case "choose_entity":
                return str(decision["entities"][0]["index"]) if decision["entities"] else "-1"
            case "choose_cards":
                count = max(0, min(decision["min"], len(decision["cards"])))
                return ",".join(str(card["index"]) for card in decision["cards"][:count])
            case "announce_value":
                return str(decision.get("min", 0))
            case _:
                return "y"

    def _choose_action(self, decision: Json) -> str:
        listed = [entry for entry in decision["actions"] if entry["index"] >= 0]
        if not listed or self._random.random() < 0.2:
            return "-1"
        entry = self._random.choice(listed)
        player = next(each for each in _players(decision) if each["name"] == decision["player"])
        in_hand = {card["id"]: card for card in player["hand"]}
        card = in_hand.get(entry["card_id"])
        self._announced.add(entry["card_id"])
        text = "" if card is None else card["oracle_text"]
        self._chosen = _Chosen(
            player=player["name"],
            turn=decision["turn"],
            card=entry["card_id"],
            name=str(entry["card"])[:60],
            is_land=bool(entry["is_land"]) and card is not None,
            is_spell=card is not None and not entry["is_land"],
            costs=_COST.search(entry["mana_cost"]) is not None,
            has_targets=_TARGETS.search(text) is not None and _is_short_lived(card),
            untapped=_untapped(player),
            owned=_owned(decision, player["name"]),
        )
        return str(entry["index"])

    def _attack(self, decision: Json) -> str:
        entries = decision["attackers"]
        if self._random.random() < 0.2:
            entries = entries[:1]
        texts = {card["id"]: card["oracle_text"] for card in _table(decision)}
        for entry in entries:
            if _TRIGGERS.search(texts.get(entry.get("id"), "")):
                self._attacked = str(entry["name"])[:60]
        return ",".join(str(entry["index"]) for entry in entries)

    def _unless_repeated(self, decision: Json, kind: str, response: str) -> str:
        """Return the answer, or a pass where the same question got it too often in this turn."""
        if decision["turn"] != self._turn:
            self._turn = decision["turn"]
            self._repeats.clear()
        if response == "-1" or kind == "reveal":
            return response
        own = {key: value for key, value in decision.items() if key not in _NOT_OWN}
        asked = (msgspec.json.encode(own).decode(), response)
        self._repeats[asked] += 1
        if self._repeats[asked] < MOST_REPEATS:
            if self._repeats[asked] == 1:
                self._evidence.holds(Law.PROGRESS)
            return response
        if self._repeats[asked] == MOST_REPEATS:
            self._evidence.breaks(Law.PROGRESS, f"{kind} came {MOST_REPEATS} times in one turn")
        self._chosen = None
        return _way_out(kind)


_NOT_OWN: Final = frozenset({"decision_id", "game_state", "phase"})


def _way_out(kind: str) -> str:
    return "" if kind in {"declare_attackers", "declare_blockers", "choose_cards"} else "-1"


def _translated(raw: bytes) -> Json:
    try:
        decision = translate(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DiffersError(f"a DECISION line is no JSON: {error}") from error
    if not isinstance(decision, dict):
        raise DiffersError("a DECISION line is no JSON object")
    return decision


def _players(decision: Json) -> list[Json]:
    return list(decision["game_state"]["players"])


def _table(decision: Json) -> list[Json]:
    return [card for player in _players(decision) for card in player["battlefield"]]


def _untapped(player: Json) -> frozenset[int]:
    """The lands that can pay."""
    return frozenset(
        card["id"]
        for card in player["battlefield"]
        if not card["tapped"] and "Land" in card["types"]
    )


def _is_short_lived(card: Json | None) -> bool:
    """Whether it is an instant or sorcery: a permanent's text may name targets of its abilities."""
    return card is not None and ("Instant" in card["types"] or "Sorcery" in card["types"])


def _is_gone(decision: Json, chosen: _Chosen) -> bool:
    """Whether a card is in no zone that is shown, and not on the stack."""
    shown = {
        card["id"] for player in _players(decision) for zone in _ZONES for card in player[zone]
    }
    shown |= {item.get("source_card_id") for item in decision["game_state"]["stack"]}
    return chosen.card not in shown


def _owned(decision: Json, name: str) -> int:
    """Cards of a player over all zones, the hidden ones by their number; the stack apart."""
    player = next(each for each in _players(decision) if each["name"] == name)
    listed = sum(len(player[zone]) for zone in ("graveyard", "battlefield", "exile"))
    return int(listed + player["hand_size"] + player["library_size"])
