"""The short way to write a card.

``define("Shock", "{R}", "Instant", text="…", spell=…)`` fills in what follows from the rest (the
colours), so that an entry says only what is printed.
"""

from typing import Any

from trainingrun_daemon.rules.enums import Keyword
from trainingrun_daemon.rules.mana import parse_cost
from trainingrun_daemon.rules.model import CardFace


def define(name: str, cost: str, types: str, *, text: str = "", **rest: Any) -> CardFace:
    """Return a card face; ``rest`` are further fields of CardFace."""
    parsed = parse_cost(cost)
    return CardFace(name=name, cost=parsed, types=types, text=text, colors=parsed.colors, **rest)


def creature(
    name: str,
    cost: str,
    types: str,
    *,
    size: tuple[int, int],
    text: str = "",
    keywords: tuple[Keyword, ...] = (),
    **rest: Any,
) -> CardFace:
    """Return a creature; ``types`` are its subtypes, ``size`` is its power and toughness.

    Words before `` - `` are further types: ``Legendary - Human`` makes a Legendary Creature.
    """
    supertypes, dash, subtypes = types.rpartition(" - ")
    line = f"{supertypes} Creature - {subtypes}" if dash else f"Creature - {subtypes}"
    power, toughness = size
    return define(
        name,
        cost,
        line,
        text=text,
        power=power,
        toughness=toughness,
        keywords=frozenset(keywords),
        **rest,
    )


def token(
    name: str,
    color: str,
    subtypes: str,
    *,
    size: tuple[int, int],
    keywords: tuple[Keyword, ...] = (),
    **rest: Any,
) -> CardFace:
    """Return a creature token, which has no cost but a colour.

    Words before `` - `` are further types: ``Artifact - Thopter`` makes an Artifact Creature.
    """
    supertypes, dash, kinds = subtypes.rpartition(" - ")
    power, toughness = size
    return CardFace(
        name=name,
        types=f"{supertypes} Creature - {kinds}" if dash else f"Creature - {subtypes}",
        colors=color,
        power=power,
        toughness=toughness,
        keywords=frozenset(keywords),
        **rest,
    )
