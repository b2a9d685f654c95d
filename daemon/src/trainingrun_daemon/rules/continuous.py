"""Continuous effects: what static abilities make of printed numbers.

Power, toughness and keywords are computed when something changed (``Game.is_stale``) and kept on
the cards, because they are read far more often than they change. Of the rules' seven layers the
known cards need two: keywords (6) and power and toughness (7), in this order.
"""

from trainingrun_daemon.rules.mana import ManaCost
from trainingrun_daemon.rules.model import Card, CardFace, Game


def refresh(game: Game) -> None:
    """Compute the power, toughness and keywords of all creatures, if anything changed."""
    if not game.is_stale:
        return
    game.is_stale = False
    permanents = [card for player in game.players for card in player.battlefield]
    sources = [card for card in permanents if card.face.anthems]
    for card in permanents:
        if card.face.is_creature:
            _refresh_creature(card, sources)


def _refresh_creature(card: Card, sources: list[Card]) -> None:
    grown = card.counters.get("P1P1", 0) - card.counters.get("M1M1", 0) if card.counters else 0
    power = card.face.power + grown + card.boost_power
    toughness = card.face.toughness + grown + card.boost_toughness
    keywords = card.face.keywords
    for source in sources:
        for anthem in source.face.anthems:
            if anthem.applies(source, card):
                power += anthem.power
                toughness += anthem.toughness
                keywords |= anthem.keywords
    card.power = power
    card.toughness = toughness
    card.keywords = keywords


def taxed_cost(game: Game, seat: int, face: CardFace, *, printed: ManaCost) -> ManaCost:
    """Give what a spell costs now, when ``printed`` is its cost or alternative cost."""
    extra = sum(
        tax.amount
        for player in game.players
        for card in player.battlefield
        if card.face.taxes
        for tax in card.face.taxes
        if tax.applies(card, face, seat)
    )
    return printed.plus_generic(extra)
