"""Blocks that the rules allow: the original carries out any pair that it gets (protocol
section 8).

Checked: tapped blockers (they are no longer listed) and the keywords that say what may block.
Not checked: what only a card's text says, for that is beyond a client.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

from trainingrun_protocol import answers
from trainingrun_protocol.decisions import Card, Combatant, Decision

_EVEN: Final = ("shadow",)
"""Keywords that attacker and blocker both have, or neither."""
_COLOURS: Final = {"W": "white", "U": "blue", "B": "black", "R": "red", "G": "green"}
_LANDS: Final = ("plains", "island", "swamp", "mountain", "forest")
_MOST_INDEX: Final = 1 << 16


def legal_blocks(decision: Decision, response: str) -> str:
    """Return the answer to declare_blockers without the pairs that the rules forbid."""
    blockers = {entry.index: entry for entry in decision.blockers}
    attackers = {entry.index: entry for entry in decision.attackers}
    table = _Defence(decision)
    pairs = [
        (blocker, attacker)
        for blocker, attacker in answers.parse_blocks(
            response, blockers=_MOST_INDEX, attackers=_MOST_INDEX
        )
        if blocker in blockers
        and attacker in attackers
        and table.may_block(blockers[blocker], attackers[attacker])
    ]
    return answers.format_blocks(_without_lone_blockers(pairs, attackers))


def _without_lone_blockers(
    pairs: list[tuple[int, int]], attackers: dict[int, Combatant]
) -> list[tuple[int, int]]:
    """Menace: two or more, or none."""
    counts = Counter(attacker for _, attacker in pairs)
    return [
        (blocker, attacker)
        for blocker, attacker in pairs
        if counts[attacker] > 1 or "menace" not in _folded(attackers[attacker].keywords)
    ]


class _Defence:
    """The defending seat's cards, as far as evasion asks for them."""

    def __init__(self, decision: Decision) -> None:
        players = decision.game_state.players
        own = players[decision.seat or 0].battlefield if players else ()
        self._cards = {card.id: card for player in players for card in player.battlefield}
        self._lands = {
            land for card in own if card.is_land for land in _LANDS if land in card.types.casefold()
        }

    def may_block(self, blocker: Combatant, attacker: Combatant) -> bool:
        evasion, own = _folded(attacker.keywords), _folded(blocker.keywords)
        card, foe = self._cards.get(blocker.id), self._cards.get(attacker.id)
        colours, types = _colours(card), card.types if card is not None else ""
        return not (
            "unblockable" in evasion
            or ("flying" in evasion and not own & {"flying", "reach"})
            or ("horsemanship" in evasion and "horsemanship" not in own)
            or any((word in evasion) != (word in own) for word in _EVEN)
            or ("skulk" in evasion and blocker.power > attacker.power)
            or ("fear" in evasion and "Artifact" not in types and "black" not in colours)
            or ("intimidate" in evasion and "Artifact" not in types and not colours & _colours(foe))
            or any(_protects(word, colours) for word in evasion)
            or any(_walks(word, self._lands) for word in evasion)
        )


def _folded(keywords: Iterable[str]) -> set[str]:
    return {keyword.strip().casefold() for keyword in keywords}


def _colours(card: Card | None) -> set[str]:
    cost = "" if card is None else card.mana_cost
    return {colour for letter, colour in _COLOURS.items() if letter in cost}


def _protects(word: str, colours: set[str]) -> bool:
    """``protection from red``, or the original's ``Protection:Card.Red:red``."""
    return word.startswith("protection") and any(colour in word for colour in colours)


def _walks(word: str, lands: set[str]) -> bool:
    """``swampwalk``, or the original's ``Landwalk:Swamp``."""
    return "walk" in word and any(land in word for land in lands)
