"""Decks and agents for games that no sensible client plays.

A plan tells all of a game: its decks, its flags and how each seat answers. It follows from a number
and the known cards alone, so that a game that went wrong can be played again by its number.

Border: plans and answers only; nothing here plays a game or judges it.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.model import CardFace
from trainingrun_protocol.commands import NewGame

from benchmarks.daemon.soundness import Json

GARBAGE: Final = (
    *("", " ", "-1", "0", "1", "y", "n", "yes", "None", "0:None", "None:0", "abc", "null", "NaN"),
    *("0,1,2", "0:0,1:0", "0:0:0", "0:-1", "-1:0", "0:174", ",", ",,,", ":", "0,,1", "0;1", "+0"),
    *("999", "999999999", "99999999999999999999", "-99999999999999999999", "9" * 900, "1e3"),
    *("0x1", "1.0", "\N{SUPERSCRIPT TWO}", "\N{ARABIC-INDIC DIGIT ONE}", "\0", "\t0\t", "0 1"),
    *("0,99,1,abc", "1,1,1,0", "[0]", "{}", '{"index": 0}', "STATUS", "NEWGAME a b -i", "x" * 2000),
    *("true", "TRUE", "Y", "pass", "0,0:0", "2,1,0", "5", "7", "12"),
)
FLAGS: Final = (
    "-i",
    "-i",
    "-i -q",
    "-i -q",
    "-i -q",
    "-i -a 1",
    "-i -q -a 2",
    "-o",
    "-o -q",
    "-q",
    "",
)
_YES_OR_NO: Final = frozenset({"play_trigger", "confirm_action", "play_from_effect"})


@dataclass(frozen=True, slots=True)
class GamePlan:
    """All of a game: ``decks`` are texts of deck files."""

    number: int
    seed: int
    decks: tuple[str, str]
    flags: str
    characters: tuple[str, str]

    def command(self, first: str, second: str) -> NewGame:
        """Give the command, for decks of these names."""
        words = self.flags.split()
        return NewGame(
            deck1=first,
            deck2=second,
            interactive="-i" in words,
            observe="-o" in words,
            quiet="-q" in words,
            seed=self.seed,
            ai_seat=int(words[words.index("-a") + 1]) if "-a" in words else None,
        )


def plan_game(number: int, shipped: Sequence[str], *, seed: int = 0) -> GamePlan:
    """Plan the game of this number; ``shipped`` are texts of deck files to mix in."""
    generator = random.Random(f"{seed}/{number}")
    faces = list(KNOWN_CARDS.values())

    def deck() -> str:
        if shipped and generator.random() < 0.3:
            return generator.choice(shipped)
        return build_deck(generator, generator.choice(faces))

    focus = build_deck(generator, faces[number % len(faces)])
    decks = (focus, deck()) if generator.random() < 0.5 else (deck(), focus)
    first, second = generator.choices(list(CHARACTERS), weights=_WEIGHTS, k=2)
    return GamePlan(
        number, generator.randrange(2**63), decks, generator.choice(FLAGS), (first, second)
    )


def build_deck(generator: random.Random, focus: CardFace) -> str:
    """Give the text of a random deck around four copies of a card."""
    shape = generator.random()
    if shape < 0.02:  # a deck without an end
        names = [focus.name] * 4 + ["Plains", "Forest"] * 100
    elif shape < 0.05:  # a deck that is soon at its end, or of one kind
        names = [focus.name] * generator.randrange(1, 12) + ["Plains"] * generator.randrange(12)
    else:
        colors = _colors_around(generator, focus, 5 if shape < 0.2 else generator.randint(1, 3))
        names = _names_in(generator, colors, focus)
    counts = Counter(names)
    lines = "\n".join(f"{count} {name}" for name, count in counts.items())
    return f"[metadata]\nName=Fuzz {focus.name[:20]}\n[Main]\n{lines}\n"


def _colors_around(generator: random.Random, focus: CardFace, count: int) -> str:
    """Give the colours of the card's cost, then others."""
    own = [color for color in "WUBRG" if color in focus.colors or color in focus.cost.text]
    if focus.is_land:
        made = {color for ability in focus.mana for color in ability.colors}
        own += [color for color in "WUBRG" if color in made]
    others = [color for color in "WUBRG" if color not in own]
    generator.shuffle(others)
    return "".join((own + others)[: max(count, len(own)) if not focus.is_land else count])


def _names_in(generator: random.Random, colors: str, focus: CardFace) -> list[str]:
    faces = KNOWN_CARDS.values()
    fitting = [face for face in faces if not face.is_land and set(face.colors) <= set(colors)]
    lands = [face for face in faces if face.is_land and not face.is_basic]
    helpful = [face for face in lands if _makes(face, colors)]
    basics = [face for face in faces if face.is_basic and _makes(face, colors)]
    size = generator.choice((40, 60, 60, 60, 75))
    land_count = round(size * generator.choice((0.3, 0.4, 0.4, 0.5)))
    special = min(land_count, generator.randrange(land_count + 1) if helpful else 0)
    names = [focus.name] * 4
    names += [face.name for face in generator.choices(helpful or lands, k=special)]
    basics = basics or [KNOWN_CARDS["plains"]]
    names += [basics[i % len(basics)].name for i in range(land_count - special)]
    names += [face.name for face in generator.choices(fitting, k=max(0, size - len(names)))]
    return names


def _makes(face: CardFace, colors: str) -> bool:
    return any(color in colors for ability in face.mana for color in ability.colors)


# --- answers --------------------------------------------------------------------------------------


class Agent:
    """Answers the decisions of a game, by its plan."""

    def __init__(self, plan: GamePlan) -> None:
        self._generator = random.Random(plan.seed)
        self._characters = plan.characters
        self._stubborn = self._generator.choice(GARBAGE)

    def answer(self, decision: Json) -> str:
        """Give the answer line for a decision."""
        seat = decision["game_state"]["priorityPlayer"]
        return CHARACTERS[self._characters[seat]](self, decision)

    def _answer_at_random(self, decision: Json) -> str:
        return self._mix(decision, garbage=0.15, passing=0.15)

    def _answer_eagerly(self, decision: Json) -> str:
        return self._mix(decision, garbage=0.05, passing=0.03)

    def _answer_properly(self, decision: Json) -> str:
        return self._mix(decision, garbage=0.0, passing=0.1)

    def _answer_peacefully(self, decision: Json) -> str:
        """Play lands and dear things first, and seldom attack: games get long and rich."""
        if decision["decision_type"] == "declare_attackers" and self._generator.random() < 0.85:
            return ""
        if decision["decision_type"] == "choose_action" and self._generator.random() < 0.7:
            return "0"
        return self._mix(decision, garbage=0.03, passing=0.1)

    def _answer_with_garbage(self, _decision: Json) -> str:
        return self._generator.choice(GARBAGE)

    def _answer_stubbornly(self, _decision: Json) -> str:
        return self._stubborn

    def _answer_first(self, _decision: Json) -> str:
        """Take the first of everything, for ever: what can be repeated will be."""
        return "0"

    def _mix(self, decision: Json, *, garbage: float, passing: float) -> str:
        if self._generator.random() < garbage:
            return self._generator.choice(GARBAGE)
        return self._legal(decision, passing)

    def _legal(self, decision: Json, passing: float) -> str:
        generator = self._generator
        match decision["decision_type"]:
            case "choose_action":
                if generator.random() < passing:
                    return "-1"
                return str(generator.randrange(len(decision["actions"]) - 1))
            case "declare_attackers":
                return self._some(len(decision["attackers"]), 0.6)
            case "declare_blockers":
                return self._blocks(len(decision["blockers"]), len(decision["attackers"]))
            case "choose_ability":
                return str(generator.randrange(len(decision["abilities"])))
            case "choose_cards":
                return self._cards(decision)
            case "choose_entity":
                least = -1 if decision["optional"] else 0
                return str(generator.randrange(least, len(decision["entities"])))
            case "announce_value":
                return str(generator.randint(decision["min"], decision["max"]))
            case kind if kind in _YES_OR_NO:
                return generator.choice(("y", "y", "n"))
            case _:
                return ""

    def _some(self, count: int, share: float) -> str:
        return ",".join(str(at) for at in range(count) if self._generator.random() < share)

    def _blocks(self, blockers: int, attackers: int) -> str:
        generator = self._generator
        if generator.random() < 0.3:  # all on one
            attacker = generator.randrange(attackers)
            return ",".join(f"{at}:{attacker}" for at in range(blockers))
        return ",".join(
            f"{at}:{generator.randrange(attackers)}"
            for at in range(blockers)
            if generator.random() < 0.5
        )

    def _cards(self, decision: Json) -> str:
        count = len(decision["cards"])
        most = min(decision["max"], count)
        size = self._generator.randint(min(decision["min"], most), most)
        return ",".join(map(str, self._generator.sample(range(count), size)))


CHARACTERS: Final[dict[str, Callable[[Agent, Json], str]]] = {
    "random": Agent._answer_at_random,
    "eager": Agent._answer_eagerly,
    "proper": Agent._answer_properly,
    "peaceful": Agent._answer_peacefully,
    "garbage": Agent._answer_with_garbage,
    "stubborn": Agent._answer_stubbornly,
    "first": Agent._answer_first,
}
_WEIGHTS: Final = (6, 4, 3, 4, 2, 1, 1)


# --- what a server must make of an answer ---------------------------------------------------------

_YES: Final = frozenset({"y", "yes", "1", "true"})


def plain_answer(decision: Json, answer: str) -> str:
    """Give the legal answer that the protocol (section 4) puts in the place of this one.

    Written anew from the protocol, and slowly: it is what the server's own reading is held against.
    """
    match decision["decision_type"]:
        case "choose_action":
            return _position(answer, len(decision["actions"]) - 1, default="-1")
        case "declare_attackers":
            return ",".join(_positions(answer, len(decision["attackers"])))
        case "declare_blockers":
            return _pairs(answer, len(decision["blockers"]), len(decision["attackers"]))
        case "choose_ability":
            return _position(answer, len(decision["abilities"]), default="0")
        case "choose_entity":
            default = "-1" if decision["optional"] else "0"
            return _position(answer, len(decision["entities"]), default=default)
        case "choose_cards":
            return _cards_between(answer, decision)
        case "announce_value":
            number = _number(answer)
            least, most = decision["min"], decision["max"]
            return str(least if number is None else sorted((least, number, most))[1])
        case kind if kind in _YES_OR_NO:
            return "y" if answer.strip().lower() in _YES else "n"
        case _:
            return ""


def _number(text: str) -> int | None:
    match = re.fullmatch(r"\s*(-?[0-9]+)\s*", text)
    return None if match is None else int(match[1])


def _position(text: str, count: int, *, default: str) -> str:
    number = _number(text)
    return str(number) if number is not None and number in range(count) else default


def _positions(text: str, count: int) -> list[str]:
    found: list[str] = []
    for part in text.split(","):
        number = _number(part)
        if number is not None and number in range(count) and str(number) not in found:
            found.append(str(number))
    return found


def _pairs(text: str, blockers: int, attackers: int) -> str:
    found: dict[int, int] = {}
    for part in text.split(","):
        if part.count(":") == 1:
            left, right = map(_number, part.split(":"))
            if left in range(blockers) and right in range(attackers) and left not in found:
                assert left is not None
                assert right is not None
                found[left] = right
    return ",".join(f"{left}:{right}" for left, right in found.items())


def _cards_between(text: str, decision: Json) -> str:
    count = len(decision["cards"])
    found = _positions(text, count)[: decision["max"]]
    others = [str(at) for at in range(count) if str(at) not in found]
    missing = max(0, decision["min"] - len(found))
    return ",".join(found + others[:missing])
