"""Win rates deck by deck as tables whose cells have the colour of the rate."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from trainingrun_contracts.reports import DeckResult
from trainingrun_protocol.commands import NO_SCENARIO

from trainingrun.commands.report.formatting import percent
from trainingrun.commands.report.markup import Markup, tag
from trainingrun.commands.report.material import Strength

_SHADES = 4
Score = tuple[float, int]
"""Wins with half the draws, and games."""


def deck_tables(newest: Sequence[Strength], *, is_open: bool = False) -> Iterator[Markup]:
    """Of each opponent: own decks down, the opponent's decks across.

    The tables are folded below a summary line unless ``is_open``.
    """
    tables = [_table(each) for each in newest if _has_decks(each)]
    if tables:
        inner = tag("div", *tables, class_="decks")
        yield tag("details", tag("summary", "Win rate by decks"), inner, open=is_open)


def _has_decks(strength: Strength) -> bool:
    """Whether there is something to compare: games of most environments have no decks."""
    return any(each.deck != NO_SCENARIO for each in strength.results)


def _table(strength: Strength) -> Markup:
    scores = scores_of(strength.results)
    decks = sorted({name for pair in scores for name in pair})
    head = tag("tr", tag("td"), *(tag("th", name, scope="col") for name in decks))
    body = (
        tag(
            "tr", tag("th", own, scope="row"), *(_cell(scores.get((own, other))) for other in decks)
        )
        for own in decks
    )
    caption = tag(
        "caption",
        f"version {strength.version} against {strength.opponent}: own decks down, its decks across",
    )
    inner = tag("table", caption, tag("thead", head), tag("tbody", *body), class_="matrix")
    return tag(
        "div",
        inner,
        class_="scroll",
        tabindex="0",
        role="region",
        aria_label=f"Win rate by decks against {strength.opponent}",
    )


def scores_of(results: Sequence[DeckResult]) -> dict[tuple[str, str], Score]:
    """Score and games by own deck and the opponent's."""
    found: dict[tuple[str, str], Score] = defaultdict(lambda: (0.0, 0))
    for each in results:
        score, games = found[each.deck, each.opponent_deck]
        found[each.deck, each.opponent_deck] = (
            score + each.wins + each.draws / 2,
            games + each.games,
        )
    return dict(found)


def _cell(score: Score | None) -> Markup:
    if score is None or not score[1]:
        return tag("td")
    rate = score[0] / score[1]
    return tag("td", percent(round(rate, 2)), tag("small", f" of {score[1]}"), class_=_shade(rate))


def _shade(rate: float) -> str:
    """``win4`` for all games won to ``loss4`` for all lost; nothing near one half."""
    strength = round(abs(rate - 0.5) * 2 * _SHADES)
    return f"{'win' if rate > 0.5 else 'loss'}{strength}" if strength else "even"
