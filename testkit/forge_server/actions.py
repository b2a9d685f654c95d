"""What a seat may do with priority, as the original lists it.

Each card for itself, in the order of hand, battlefield, graveyard; mana abilities are actions; the
other ways to cast a card are listed, optional costs (kicker and its like) are not. Cards in exile
are never listed. Whether mana and targets are there is checked only in a
build in which these matter: the original checks timing and the costs that are no mana.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from trainingrun_daemon.rules.casting import MAX_LAND_PLAYS
from trainingrun_daemon.rules.choices import Action, ActionKind
from trainingrun_daemon.rules.continuous import taxed_cost
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Phase, Zone
from trainingrun_daemon.rules.mana import FREE, ManaCost
from trainingrun_daemon.rules.model import (
    Activated,
    Aim,
    Card,
    CardFace,
    Game,
    ManaAbility,
    Payment,
    Way,
)
from trainingrun_daemon.rules.payments import can_pay, can_pay_mana, can_tap, free_sources
from trainingrun_daemon.rules.targets import has_targets

from testkit.forge_server.encoding import NO_COST, describe_face
from testkit.forge_server.faults import Build, Fault, Version

OPTIONAL_COSTS: Final = frozenset({"Kicker", "Bargain", "Gift", "Offspring"})


@dataclass(frozen=True, slots=True, eq=False)
class Play:
    """One entry of the list: an action of the game, or mana of one colour from a permanent."""

    card: Card
    description: str
    cost: str
    action: Action | None = None
    mana: ManaAbility | None = None
    color: str = ""

    @property
    def is_land_play(self) -> bool:
        """Whether it puts a land onto the battlefield."""
        return self.action is not None and self.action.kind is ActionKind.LAND


class Lister:
    """Lists what one seat may do now."""

    def __init__(self, game: Game, seat: int, build: Build) -> None:
        self._game = game
        self._seat = seat
        self._build = build
        self._player = game.players[seat]
        self._is_main = (
            game.active == seat and not game.stack and game.phase in (Phase.MAIN1, Phase.MAIN2)
        )

    def list(self, *zones: Zone) -> list[Play]:
        """Return the plays of the cards in these zones."""
        parts = {
            Zone.HAND: self._from_hand,
            Zone.BATTLEFIELD: self._from_battlefield,
            Zone.GRAVEYARD: self._from_graveyard,
        }
        plays = [play for zone in zones for play in parts[zone]()]
        if self._build.version is Version.OLDEST:
            plays += self._lands_once_more()
        return plays

    def _from_hand(self) -> Iterator[Play]:
        for card in self._player.hand:
            if card.face.is_land:
                if self._is_main and self._player.lands_played < MAX_LAND_PLAYS:
                    action = Action(ActionKind.LAND, card, FREE)
                    yield Play(card, "Play land", NO_COST, action)
            else:
                yield from self._castable(card)
                yield from self._specials(card)
            yield from self._abilities(card, Zone.HAND)

    def _lands_once_more(self) -> Iterator[Play]:
        """The oldest version lists a playable land a second time, by its first mana ability."""
        if self._is_main and self._player.lands_played < MAX_LAND_PLAYS:
            for card in self._player.hand:
                if card.face.is_land and card.face.mana:
                    ability = card.face.mana[0]
                    text = f"{{T}}: Add {{{ability.colors[0]}}}."
                    yield Play(card, text, "{0}", mana=ability, color=ability.colors[0])

    def _from_battlefield(self) -> Iterator[Play]:
        for card in self._player.battlefield:
            yield from self._mana(card)
            yield from self._abilities(card, Zone.BATTLEFIELD)

    def _from_graveyard(self) -> Iterator[Play]:
        for card in self._player.graveyard:
            yield from self._castable(card)
            yield from self._abilities(card, Zone.GRAVEYARD)

    def _castable(self, card: Card) -> Iterator[Play]:
        for way, cost in self._ways(card):
            face = card.face if way is None or way.face is None else way.face
            payments = face.payments if way is None else (*face.payments, *way.payments)
            in_time = self._is_main or _is_instant(face, way)
            if in_time and self._affords(card, cost, payments, face) and self._aims(card, face):
                action = Action(ActionKind.CAST, card, cost, way=way)
                head = f"{way.name}: " if way is not None and way.name else ""
                yield Play(card, f"{head}{describe_face(face)}", cost.text or "{0}", action)

    def _ways(self, card: Card) -> Iterator[tuple[Way | None, ManaCost]]:
        face = card.face
        if card.zone is Zone.HAND and face.is_castable:
            cost = taxed_cost(self._game, self._seat, face, printed=face.cost)
            if face.discount is not None:
                cost = cost.plus_generic(-face.discount(self._game, card))
            yield None, cost
        for way in face.ways:
            if way.zone is not card.zone or way.name in OPTIONAL_COSTS:
                continue
            if way.condition is None or way.condition(self._game, card):
                cost = taxed_cost(self._game, self._seat, way.face or face, printed=way.cost)
                if way.discount is not None:
                    cost = cost.plus_generic(-way.discount(self._game, card))
                yield way, cost

    def _specials(self, card: Card) -> Iterator[Play]:
        for special in card.face.specials:
            in_time = self._is_main or special.at_instant_speed or card.face.is_instant
            if in_time and self._affords(card, special.cost, (), None):
                action = Action(ActionKind.SPECIAL, card, special.cost, special=special)
                text = f"{special.name} {card.face.name}"
                yield Play(card, text, special.cost.text or "{0}", action)

    def _mana(self, card: Card) -> Iterator[Play]:
        if not card.mana or not can_tap(card):
            return
        for ability in card.mana:
            if ability.condition is not None and not ability.condition(self._game, card):
                continue
            price = f"{{T}}, Sacrifice {card.face.name}" if ability.is_sacrificed else "{T}"
            for color in ability.colors:
                text = f"{price}: Add {{{color}}}."
                yield Play(card, text, "{0}", mana=ability, color=color)

    def _abilities(self, card: Card, zone: Zone) -> Iterator[Play]:
        for ability in card.activated if zone is Zone.BATTLEFIELD else card.face.activated:
            if ability.zone is not zone or (ability.at_sorcery_speed and not self._is_main):
                continue
            if ability.once_a_turn and card.used.get(ability) == self._game.turn:
                continue
            if ability.condition is not None and not ability.condition(self._game, card):
                continue
            cost = ability.cost
            if ability.discount is not None:
                cost = cost.plus_generic(-ability.discount(self._game, card))
            aim = Aim(self._seat, card)
            if self._affords(card, cost, ability.payments, None) and (
                self._build.has(Fault.VANISHING_SPELLS)
                or has_targets(self._game, aim, ability.targets)
            ):
                action = Action(ActionKind.ACTIVATE, card, cost, ability=ability)
                text = f"{_price(card, cost, ability)}: {ability.text}."
                yield Play(card, text, cost.text or "{0}", action)

    def _affords(
        self, card: Card, cost: ManaCost, payments: tuple[Payment, ...], spell: CardFace | None
    ) -> bool:
        if not all(can_pay(self._game, self._seat, part, source=card) for part in payments):
            return False
        if self._build.has(Fault.FREE_MANA):
            return True
        sources = free_sources(self._game, self._seat, payments, source=card, spell=spell)
        return can_pay_mana(cost, sources)

    def _aims(self, card: Card, face: CardFace) -> bool:
        if self._build.has(Fault.VANISHING_SPELLS):
            return True
        aim = Aim(self._seat, card)
        if not face.modes:
            return has_targets(self._game, aim, face.targets)
        usable = sum(has_targets(self._game, aim, mode.targets) for mode in face.modes)
        return usable >= face.choose_modes[0]


def _is_instant(face: CardFace, way: Way | None) -> bool:
    if way is not None and way.at_instant_speed:
        return True
    return face.is_instant or Keyword.FLASH in face.keywords


def _price(card: Card, cost: ManaCost, ability: Activated) -> str:
    parts = [cost.text] if cost.text else []
    parts += [_payment_text(card, part) for part in ability.payments]
    return ", ".join(parts) or "{0}"


def _payment_text(card: Card, part: Payment) -> str:
    match part.kind:
        case PaymentKind.TAP:
            return "{T}"
        case PaymentKind.LOYALTY:
            return f"{part.amount:+d}"
        case PaymentKind.LIFE:
            return f"Pay {part.amount} life"
        case PaymentKind.SACRIFICE_SELF | PaymentKind.EXILE_SELF | PaymentKind.DISCARD_SELF:
            return f"{part.kind.value.split()[0].capitalize()} {card.face.name}"
        case _:
            return f"{part.kind.value.capitalize()} ({part.amount})"
