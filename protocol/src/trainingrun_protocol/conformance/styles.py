"""How the client of a vector answers: simple players that work from the JSON alone.

They keep to what a DECISION offers, save ``garbage``, which answers anything with what real clients
have been seen to send. All are repeatable: a generator is given.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

Json: TypeAlias = dict[str, Any]
Style: TypeAlias = Callable[[Json, random.Random], str]

GARBAGE: Final = (
    "",
    "-1",
    "0",
    "999",
    "0:None",
    "0:174",
    "0,1,2,3",
    "y",
    "yes please",
    "None",
    "null",
    "[]",
    "1e9",
    "-",
    ":",
    ",",
    "0:0,0:0",
    "\N{SNOWMAN}",
    "99999999999999999999",
    "\x00",
    "  ",
    "STATUS",
)


def aggressive(decision: Json, _generator: random.Random) -> str:
    """Do the first thing, attack with everything, agree."""
    match decision["decision_type"]:
        case "declare_attackers":
            return _positions(decision["attackers"])
        case "declare_blockers" | "reveal":
            return ""
        case "play_trigger" | "confirm_action" | "play_from_effect":
            return "y"
        case "choose_cards":
            return ",".join(map(str, range(_count(decision))))
        case "announce_value":
            return str(decision["max"])
        case _:
            return "0" if _has_choice(decision) else "-1"


def blocking(decision: Json, generator: random.Random) -> str:
    """Be aggressive, and block the first attacker with everything."""
    if decision["decision_type"] == "declare_blockers":
        return ",".join(f"{position}:0" for position in range(len(decision["blockers"])))
    return aggressive(decision, generator)


def passing(decision: Json, _generator: random.Random) -> str:
    """Do nothing that can be left."""
    match decision["decision_type"]:
        case "choose_action" | "choose_entity":
            return "-1"
        case "choose_ability":
            return "0"
        case "play_trigger" | "confirm_action" | "play_from_effect":
            return "n"
        case "choose_cards":
            return ",".join(map(str, range(_count(decision))))
        case "announce_value":
            return str(decision["min"])
        case _:
            return ""


def arbitrary(decision: Json, generator: random.Random) -> str:
    """Choose among what is legal."""
    match decision["decision_type"]:
        case "choose_action":
            return str(generator.randrange(-1, len(decision["actions"]) - 1))
        case "declare_attackers":
            return _some(len(decision["attackers"]), generator)
        case "declare_blockers":
            attackers = range(len(decision["attackers"]))
            chosen = filter(None, _some(len(decision["blockers"]), generator).split(","))
            return ",".join(f"{blocker}:{generator.choice(attackers)}" for blocker in chosen)
        case "choose_cards":
            cards = range(len(decision["cards"]))
            count = generator.randint(_count(decision), min(decision["max"], len(cards)))
            return ",".join(map(str, generator.sample(cards, count)))
        case "choose_entity":
            return str(generator.randrange(-int(decision["optional"]), len(decision["entities"])))
        case "choose_ability":
            return str(generator.randrange(len(decision["abilities"])))
        case "announce_value":
            return str(generator.randint(decision["min"], decision["max"]))
        case "reveal":
            return ""
        case _:
            return generator.choice("yn")


def garbled(_decision: Json, generator: random.Random) -> str:
    """Answer anything with anything."""
    return generator.choice(GARBAGE)


STYLES: Final[Mapping[str, Style]] = {
    "aggressive": aggressive,
    "blocking": blocking,
    "passing": passing,
    "arbitrary": arbitrary,
    "garbage": garbled,
}


def _positions(entries: list[Json]) -> str:
    return ",".join(map(str, range(len(entries))))


def _count(decision: Json) -> int:
    return int(max(0, min(decision["min"], len(decision["cards"]))))


def _has_choice(decision: Json) -> bool:
    return bool(
        decision["decision_type"] != "choose_action" or decision["actions"][0]["index"] == 0
    )


def _some(count: int, generator: random.Random) -> str:
    return ",".join(str(index) for index in range(count) if generator.random() < 0.5)
