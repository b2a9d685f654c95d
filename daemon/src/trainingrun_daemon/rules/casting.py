"""What a player with priority may do, and doing it: lands, spells, abilities, special actions.

Only actions that can be paid for are offered, because payment is automatic. Identical cards in hand
are one action: a client gains nothing from choosing between them.
"""

from collections.abc import Generator, Iterator
from typing import Final

from trainingrun_daemon.rules.choices import (
    Action,
    ActionKind,
    AnnounceValue,
    ChooseAbility,
    ask_ability,
    ask_value,
)
from trainingrun_daemon.rules.continuous import taxed_cost
from trainingrun_daemon.rules.enums import Event, Keyword, Phase, Zone
from trainingrun_daemon.rules.events import emit
from trainingrun_daemon.rules.mana import FREE, ManaCost
from trainingrun_daemon.rules.model import (
    Activated,
    Aim,
    Card,
    CardFace,
    Game,
    Happening,
    Mode,
    Payment,
    StackItem,
    Way,
)
from trainingrun_daemon.rules.payments import (
    ManaSource,
    can_pay,
    can_pay_mana,
    free_sources,
    greatest_x,
    mana_sources,
    pay_mana,
    pay_others,
)
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.targets import (
    choose_targets,
    emit_targeted,
    has_targets,
    is_well_aimed,
)
from trainingrun_daemon.rules.zones import move_card, put_on_battlefield

MAX_LAND_PLAYS: Final = 1
DONE: Final = "Done"
FREE_WAY: Final = Way(name="free", cost=FREE)
"""How a plotted card is cast."""


class _Purse:
    """What a seat can pay with, looked up once for all actions of a prompt."""

    def __init__(self, game: Game, seat: int) -> None:
        self._game = game
        self._seat = seat
        self._has_restricted = any(
            card.face.has_restricted_mana for card in game.players[seat].battlefield
        )
        self._plain = mana_sources(game, seat)

    def sources(
        self, payments: tuple[Payment, ...], *, source: Card, spell: CardFace | None
    ) -> list[ManaSource]:
        if payments or (self._has_restricted and spell is not None):
            return free_sources(self._game, self._seat, payments, source=source, spell=spell)
        return self._plain

    def affords(
        self,
        cost: ManaCost,
        payments: tuple[Payment, ...],
        *,
        source: Card,
        spell: CardFace | None,
    ) -> bool:
        if not all(can_pay(self._game, self._seat, part, source=source) for part in payments):
            return False
        return can_pay_mana(cost, self.sources(payments, source=source, spell=spell))


def legal_actions(game: Game, seat: int) -> list[Action]:
    """Return what the seat may do now: lands, then spells from expensive to cheap, then
    abilities."""
    is_sorcery_time = _is_sorcery_time(game, seat)
    purse = _Purse(game, seat)
    lands: list[Action] = []
    spells: list[Action] = []
    for card in _playable_cards(game, seat):
        if card.face.is_land:
            if is_sorcery_time and game.players[seat].lands_played < MAX_LAND_PLAYS:
                lands.append(Action(ActionKind.LAND, card, FREE))
        else:
            spells += _castable(game, seat, card=card, purse=purse, anytime=is_sorcery_time)
    for card in game.players[seat].graveyard:
        if card.face.ways and not is_playable(game, seat, card):
            spells += _castable(game, seat, card=card, purse=purse, anytime=is_sorcery_time)
    if len(spells) > 1:
        spells.sort(key=lambda action: -action.face.cost.mana_value)
    return lands + spells + list(_abilities(game, seat, purse=purse, anytime=is_sorcery_time))


def _is_sorcery_time(game: Game, seat: int) -> bool:
    return game.active == seat and not game.stack and (game.phase in (Phase.MAIN1, Phase.MAIN2))


def _playable_cards(game: Game, seat: int) -> Iterator[Card]:
    """Give one card of each face in hand, and the cards that may be played from elsewhere."""
    seen: set[CardFace] = set()
    for card in game.players[seat].hand:
        if card.face not in seen:
            seen.add(card.face)
            yield card
    for player in game.players:
        for card in (*player.exile, *player.graveyard):
            if is_playable(game, seat, card):
                yield card


def is_playable(game: Game, seat: int, card: Card) -> bool:
    """Return whether an effect lets the seat play this card from exile or a graveyard now."""
    return card.playable_by == seat and card.playable_from <= game.turn <= card.playable_until


def _castable(
    game: Game, seat: int, *, card: Card, purse: _Purse, anytime: bool
) -> Iterator[Action]:
    for way, cost in _ways_to_cast(game, seat, card):
        face = card.face if way is None or way.face is None else way.face
        if not (anytime or _is_instant(face, way)):
            continue
        payments = face.payments if way is None else (*face.payments, *way.payments)
        if not purse.affords(cost, payments, source=card, spell=face):
            continue
        if _can_choose(game, seat, card, face=face, cost=cost, purse=purse):
            yield Action(ActionKind.CAST, card, cost, way=way)
    if card.zone is Zone.HAND:
        for special in card.face.specials:
            in_time = anytime or special.at_instant_speed or card.face.is_instant
            if in_time and purse.affords(special.cost, (), source=card, spell=None):
                yield Action(ActionKind.SPECIAL, card, special.cost, special=special)


def _is_instant(face: CardFace, way: Way | None) -> bool:
    if way is FREE_WAY:
        return False  # plotted cards are cast at sorcery speed (rule 702.170)
    if way is not None and way.at_instant_speed:
        return True
    return face.is_instant or Keyword.FLASH in face.keywords


def _can_choose(
    game: Game, seat: int, card: Card, *, face: CardFace, cost: ManaCost, purse: _Purse
) -> bool:
    """Return whether there are targets for the spell, or targets and mana for enough of its
    modes."""
    aim = Aim(seat, card)
    if not face.modes:
        return has_targets(game, aim, face.targets)
    usable = sum(
        has_targets(game, aim, mode.targets)
        and (
            mode.cost is FREE
            or purse.affords(cost.plus(mode.cost), face.payments, source=card, spell=face)
        )
        for mode in face.modes
    )
    return usable >= face.choose_modes[0]


def _ways_to_cast(game: Game, seat: int, card: Card) -> Iterator[tuple[Way | None, ManaCost]]:
    face = card.face
    may_play = is_playable(game, seat, card)
    if may_play and card.playable_free:
        yield FREE_WAY, taxed_cost(game, seat, face, printed=FREE)
        return
    is_at_hand = card.zone is Zone.HAND or may_play
    half = card.playable_as if may_play else None
    if is_at_hand and face.is_castable and half in (None, face):
        cost = taxed_cost(game, seat, face, printed=face.cost)
        if face.discount is not None:
            cost = cost.plus_generic(-face.discount(game, card))
        yield None, cost
    for way in face.ways:
        if way.zone is not card.zone and not (way.zone is Zone.HAND and may_play):
            continue
        if half is not None and half is not way.face:
            continue
        if way.condition is None or way.condition(game, card):
            cost = taxed_cost(game, seat, way.face or face, printed=way.cost)
            if way.discount is not None:
                cost = cost.plus_generic(-way.discount(game, card))
            yield way, cost


def _abilities(game: Game, seat: int, *, purse: _Purse, anytime: bool) -> Iterator[Action]:
    player = game.players[seat]
    seen: set[tuple[Activated, bool, bool]] = set()
    for zone, cards in (
        (Zone.BATTLEFIELD, player.battlefield),
        (Zone.GRAVEYARD, player.graveyard),
        (Zone.HAND, player.hand),
    ):
        for card in cards:
            for ability in card.activated if zone is Zone.BATTLEFIELD else card.face.activated:
                if ability.zone is not zone or (ability.at_sorcery_speed and not anytime):
                    continue
                key = (ability, card.tapped, card.is_sick)
                is_same = not card.is_creature and not card.counters and key in seen
                if not is_same and _can_activate(game, seat, card, ability=ability, purse=purse):
                    seen.add(key)
                    cost = _ability_cost(game, card, ability)
                    yield Action(ActionKind.ACTIVATE, card, cost, ability=ability)


def _ability_cost(game: Game, card: Card, ability: Activated) -> ManaCost:
    if ability.discount is None:
        return ability.cost
    return ability.cost.plus_generic(-ability.discount(game, card))


def _can_activate(game: Game, seat: int, card: Card, *, ability: Activated, purse: _Purse) -> bool:
    if ability.once_a_turn and card.used.get(ability) == game.turn:
        return False
    if ability.condition is not None and not ability.condition(game, card):
        return False
    cost = _ability_cost(game, card, ability)
    if not purse.affords(cost, ability.payments, source=card, spell=None):
        return False
    return has_targets(game, Aim(seat, card), ability.targets)


def perform_action(game: Game, seat: int, action: Action) -> Steps:
    """Carry out an action of ``legal_actions``."""
    card = action.card
    match action.kind:
        case ActionKind.LAND:
            game.players[seat].lands_played += 1
            game.say(f"{game.players[seat].name} plays {card.face.name}")
            yield from put_on_battlefield(game, card, controller=seat)
        case ActionKind.SPECIAL:
            assert action.special is not None
            pay_mana(game, seat, action.cost, sources=mana_sources(game, seat))
            game.say(f"{game.players[seat].name}: {action.special.name} {card.face.name}")
            action.special.act(game, card)
        case ActionKind.ACTIVATE:
            assert action.ability is not None
            yield from activate(game, seat, card, ability=action.ability)
        case ActionKind.CAST:
            yield from cast_spell(game, seat, card, cost=action.cost, way=action.way)


def activate(game: Game, seat: int, card: Card, *, ability: Activated) -> Steps:
    """Activate an ability: targets, then costs (rule 602.2)."""
    item = StackItem(
        game.new_id(), seat, card, effect=ability.effect, text=f"{card.face.name}: {ability.text}"
    )
    item.ability = ability
    item.specs = ability.targets
    if ability.once_a_turn:
        card.used[ability] = game.turn
    game.stack.append(item)
    cost = _ability_cost(game, card, ability)
    if cost.xs:
        sources = free_sources(game, seat, ability.payments, source=card)
        item.x = yield from _announce_x(item, cost, sources)
    yield from choose_targets(game, item)
    if cost is not FREE:
        sources = free_sources(game, seat, ability.payments, source=card)
        pay_mana(game, seat, cost.with_x(item.x), sources=sources)
    yield from pay_others(game, item, ability.payments)
    game.say(f"{game.players[seat].name} activates {item.text}")
    emit_targeted(game, item)


def cast_spell(
    game: Game, seat: int, card: Card, *, cost: ManaCost, way: Way | None = None
) -> Steps:
    """Cast a spell: modes, X, targets, then costs (rule 601.2)."""
    item = _put_on_stack(game, seat, card, way)
    payments = item.face.payments if way is None else (*item.face.payments, *way.payments)
    sources = free_sources(game, seat, payments, source=card, spell=item.face)
    if item.face.modes:
        cost = yield from _choose_modes(game, item, cost=cost, sources=sources)
    if cost.xs:
        item.x = yield from _announce_x(item, cost, sources)
        cost = cost.with_x(item.x)
    yield from choose_targets(game, item)
    pay_mana(game, seat, cost, sources=sources)
    yield from pay_others(game, item, payments)
    variant = f" ({item.way})" if item.way else ""
    game.say(f"{game.players[seat].name} casts {item.face.name}{variant}{_named_targets(item)}")
    game.players[seat].cast_this_turn.append(item.face)
    emit(game, Happening(Event.SPELL_CAST, seat, card, item=item))
    emit_targeted(game, item)


def _put_on_stack(game: Game, seat: int, card: Card, way: Way | None) -> StackItem:
    move_card(game, card, Zone.STACK)
    card.controller = seat
    face = card.face if way is None or way.face is None else way.face
    item = StackItem(game.new_id(), seat, card, effect=face.spell, text=face.name)
    item.is_spell = True
    item.face = face
    item.specs = face.targets
    if way is not None:
        item.way = way.name
        item.leaves_to_exile = way.exiled_after
        item.after = way.after
    game.stack.append(item)
    return item


def _named_targets(item: StackItem) -> str:
    names = [
        target.name if not isinstance(target, (Card, StackItem)) else target.face.name
        for target in item.targets
        if target is not None
    ]
    return f" targeting {' and '.join(names)}" if names else ""


def _announce_x(
    item: StackItem, cost: ManaCost, sources: list[ManaSource]
) -> Generator[Choice, Answer, int]:
    choice = AnnounceValue(
        item.controller,
        limits=(0, greatest_x(cost, sources)),
        source=item.card,
        message=f"{item.text}: choose X",
    )
    return (yield from ask_value(choice))


def _choose_modes(
    game: Game, item: StackItem, *, cost: ManaCost, sources: list[ManaSource]
) -> Generator[Choice, Answer, ManaCost]:
    """Ask for the modes one by one; gives the cost with what the modes cost besides (spree)."""
    least, most = item.face.choose_modes
    aim = Aim(item.controller, item.card)
    chosen: list[Mode] = []
    while len(chosen) < most:
        open_modes = [
            mode
            for mode in item.face.modes
            if mode not in chosen
            and can_pay_mana(cost.plus(mode.cost), sources)
            and has_targets(game, aim, mode.targets)
        ]
        open_modes.sort(key=lambda mode: not is_well_aimed(game, aim, mode.targets))
        if not open_modes:
            break
        names = [_describe_mode(mode) for mode in open_modes]
        if len(chosen) >= least:
            names.append(DONE)
        choice = ChooseAbility(
            item.controller, names, source=item.card, message=f"{item.text}: choose a mode"
        )
        position = yield from ask_ability(choice)
        if position >= len(open_modes):
            break
        chosen.append(open_modes[position])
        cost = cost.plus(open_modes[position].cost)
    item.modes = tuple(mode for mode in item.face.modes if mode in chosen)
    item.specs = tuple(spec for mode in item.modes for spec in mode.targets)
    return cost


def _describe_mode(mode: Mode) -> str:
    return f"{mode.text} (+{mode.cost.text})" if mode.cost.text else mode.text


def can_cast_free(game: Game, seat: int, card: Card, *, half: CardFace | None = None) -> bool:
    """Return whether a card (or one half of it) could be cast without paying its mana cost.

    Taxes are paid all the same.
    """
    face = half or card.face
    cost = taxed_cost(game, seat, face, printed=FREE)
    purse = _Purse(game, seat)
    return purse.affords(cost, face.payments, source=card, spell=face) and _can_choose(
        game, seat, card, face=face, cost=cost, purse=purse
    )


def cast_free(
    game: Game, seat: int, card: Card, *, half: CardFace | None = None, way: Way = FREE_WAY
) -> Steps:
    """Cast a card, or one half of it, without paying its mana cost.

    ``way`` names the reason on the stack, for those that matter later (suspend).
    """
    cost = taxed_cost(game, seat, half or card.face, printed=FREE)
    if half is not None:
        way = Way(name=FREE_WAY.name, cost=FREE, face=half)
    yield from cast_spell(game, seat, card, cost=cost, way=way)
