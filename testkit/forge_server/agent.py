"""A game of ``-i``: both seats are the client's.

What the original asks is asked, one line and one answer each; what it decides itself is decided
here. Its faults are here, too: what is paid, what becomes of targets and triggers, what loops.
"""

import threading
from dataclasses import replace
from typing import Final

from trainingrun_daemon.rules.casting import DONE, activate, cast_spell, perform_action
from trainingrun_daemon.rules.choices import (
    Action,
    ActionKind,
    AnnounceValue,
    ChooseAbility,
    ChooseCards,
    ChooseEntity,
    Confirm,
    ConfirmKind,
    Reveal,
)
from trainingrun_daemon.rules.combat import add_blocker
from trainingrun_daemon.rules.enums import Keyword, PaymentKind, Purpose, Zone
from trainingrun_daemon.rules.mana import FREE, ManaCost
from trainingrun_daemon.rules.model import (
    Card,
    Combat,
    FloatingMana,
    Game,
    Payment,
    StackItem,
    Target,
)
from trainingrun_daemon.rules.payments import can_tap, pay_others
from trainingrun_daemon.rules.stack import settle
from trainingrun_daemon.rules.state_based import check_state
from trainingrun_daemon.rules.steps import Answer, Choice, Steps
from trainingrun_daemon.rules.zones import move_card, sacrifice

from testkit.forge_server import answers
from testkit.forge_server.actions import Lister, Play
from testkit.forge_server.connection import Connection
from testkit.forge_server.encoding import describe_face, encode_state
from testkit.forge_server.faults import Build, ClientGoneError, EngineError, Fault, Version
from testkit.forge_server.java import MAX_INT, find_int, parse_int
from testkit.forge_server.json_text import fields, quote
from testkit.forge_server.questions import (
    Fields,
    ability_fields,
    action_fields,
    attack_fields,
    block_fields,
    cards_fields,
    confirm_fields,
    entity_fields,
    play_fields,
    reveal_fields,
    trigger_fields,
    value_fields,
)

MOST_ACTIONS: Final = 999
"""Actions with one priority in a build without the fault ``loops``."""
MOST_X: Final = 99
"""Greatest X that is carried out: the engine would make as many tokens."""
_CRASHING: Final = frozenset({PaymentKind.DISCARD, PaymentKind.SACRIFICE})
_PICKED: Final = (
    PaymentKind.EXILE_FROM_GRAVEYARD,
    PaymentKind.RETURN,
    PaymentKind.TAP_OTHER,
    PaymentKind.TAP_PERMANENTS,
)
"""Costs whose cards the engine picks by itself."""
_SUBSIDY: Final = -1_000_000
"""Generic mana that makes any X free."""
_LISTED: Final = (Zone.HAND, Zone.BATTLEFIELD, Zone.GRAVEYARD)


class Agent:
    """Asks the client for both seats; a Table of ``turns``."""

    def __init__(self, game: Game, link: Connection, build: Build) -> None:
        self.priority = 0
        self.has_ended = threading.Event()
        """Whether the game was given up: nothing is sent from then on."""
        self._game = game
        self._link = link
        self._build = build
        self._counts = [0, 0]
        self._is_acting = False
        self._acted = 0

    # --- lines

    def _send(self, seat: int, kind: str, own: Fields) -> None:
        if self.has_ended.is_set():
            raise ClientGoneError
        game = self._game
        number, self._counts[seat] = self._counts[seat], self._counts[seat] + 1
        self._link.print(
            f'DECISION:{{"decision_type":"{kind}","decision_id":{number}'
            f',"player":{quote(game.players[seat].name)},"turn":{game.turn}'
            f',"phase":"{game.phase.value}","game_state":{encode_state(game, self.priority)}'
            f",{fields(own)}}}"
        )

    def _ask(self, seat: int, kind: str, own: Fields) -> str:
        self._send(seat, kind, own)
        return self._link.answer()

    def _number(self, answer: str, greatest: int) -> int:
        """Read a number from 0 on; a bad one is logged to the client and becomes 0."""
        try:
            value = parse_int(answer)
        except ValueError:
            self._link.print(f"ERROR: no number: {answer}")
            return 0
        if not 0 <= value <= greatest:
            self._link.print(f"ERROR: {value} is not from 0 to {greatest}")
            return 0
        return value

    # --- the turn

    def settle(self) -> None:
        """Do what comes before priority; triggers come to nothing in a faithful build."""
        waiting = self._game.waiting_triggers
        if self._build.has(Fault.NO_TRIGGERS):
            self.run(check_state(self._game))
            waiting.clear()
            return
        if self._build.has(Fault.VANISHING_SPELLS):
            waiting[:] = [item for item in waiting if not item.specs]
        self.run(settle(self._game))

    def act(self, seat: int) -> bool:
        """Ask a seat for an action and carry it out; gives whether it acted."""
        self._game.resolutions = 0
        if not self._build.has(Fault.LOOPS) and self._acted >= MOST_ACTIONS:
            self._acted = 0
            return False
        play = self._choose_play(seat)
        if play is None:
            self._acted = 0
            return False
        self._acted += 1
        if self._build.version is not Version.OLDEST:
            self._is_acting = True
            try:
                self._perform(seat, play)
            finally:
                self._is_acting = False
        return True

    def _choose_play(self, seat: int) -> Play | None:
        plays = Lister(self._game, seat, self._build).list(*_LISTED)
        if not plays:
            return None
        answer = self._ask(seat, "choose_action", action_fields(plays))
        if answers.is_pass(answer):
            return None
        index = find_int(answer)
        return plays[index] if index is not None and 0 <= index < len(plays) else None

    def attack(self, combat: Combat, candidates: list[Card]) -> None:
        """Ask for attackers; all attack the player. An attack that breaks a rule is asked again."""
        must = [card for card in candidates if Keyword.MUST_ATTACK in card.keywords]
        while True:
            answer = self._ask(
                combat.seat, "declare_attackers", attack_fields(self._game, candidates)
            )
            for index in answers.read_indices(answer, len(candidates)):
                if candidates[index] not in combat.attackers:
                    combat.attackers.append(candidates[index])
            missing = [card for card in must if card not in combat.attackers]
            if not missing:
                return
            if not self._build.has(Fault.LOOPS):
                combat.attackers += missing
                return

    def block(self, combat: Combat) -> None:
        """Ask for blocks; no pair is checked."""
        seat = 1 - combat.seat
        creatures = [card for card in self._game.players[seat].battlefield if card.is_creature]
        listed = [
            (place, card)
            for place, card in enumerate(creatures)
            if not card.tapped and Keyword.CANT_BLOCK not in card.keywords
        ]
        answer = self._ask(seat, "declare_blockers", block_fields(combat, listed))
        attackers = list(combat.attackers)
        for blocker, attacker in answers.read_pairs(answer, len(creatures), len(attackers)):
            add_blocker(combat, creatures[blocker], attackers[attacker])

    def assign_damage(
        self, attacker: Card, blockers: list[Card], _victim: Target | None
    ) -> list[tuple[Target, int]]:
        """Give all damage to the first blocker; none tramples over."""
        return [(blockers[0], attacker.power)]

    # --- carrying out

    def _perform(self, seat: int, play: Play) -> None:
        if play.action is None:
            self._make_mana(seat, play)
            return
        action = play.action
        self._break_on_cards(action)
        match action.kind:
            case ActionKind.LAND:
                self.run(perform_action(self._game, seat, action))
            case ActionKind.SPECIAL:
                self._do_special(seat, action)
            case ActionKind.CAST:
                self._cast(seat, action)
            case ActionKind.ACTIVATE:
                self._activate(seat, action)

    def _make_mana(self, seat: int, play: Play) -> None:
        if not can_tap(play.card):
            return
        play.card.tapped = True
        self._game.players[seat].pool.append(FloatingMana(play.color))
        if play.mana is not None and play.mana.is_sacrificed:
            sacrifice(self._game, play.card)

    def _break_on_cards(self, action: Action) -> None:
        """Costs that are paid with chosen cards are the AI's affair in the original."""
        if self._build.has(Fault.CRASHES) and any(
            part.kind in _CRASHING for part in _payments(action)
        ):
            raise EngineError("java.lang.ClassCastException: this seat is not the AI's")

    def _do_special(self, seat: int, action: Action) -> None:
        if action.special is not None and self._build.has(Fault.FREE_MANA):
            action.special.act(self._game, action.card)
        else:
            self.run(perform_action(self._game, seat, action))

    def _cast(self, seat: int, action: Action) -> None:
        if self._build.has(Fault.VANISHING_SPELLS) and _is_aimed_spell(action):
            move_card(self._game, action.card, Zone.STACK)
            return
        cost = self._price(action.cost)
        self.run(cast_spell(self._game, seat, action.card, cost=cost, way=action.way))

    def _activate(self, seat: int, action: Action) -> None:
        ability, card = action.ability, action.card
        if ability is None:
            return
        if self._build.has(Fault.VANISHING_SPELLS) and ability.targets:
            item = StackItem(self._game.new_id(), seat, card, effect=None, text=ability.text)
            self.run(pay_others(self._game, item, ability.payments))
        elif self._build.has(Fault.FREE_MANA):
            free = replace(ability, cost=self._price(ability.cost), discount=None)
            self.run(activate(self._game, seat, card, ability=free))
        else:
            self.run(activate(self._game, seat, card, ability=ability))
        if ability.once_a_turn:
            card.used[ability] = self._game.turn

    def _price(self, cost: ManaCost) -> ManaCost:
        """Return what is really paid: with the fault nothing, whatever X is."""
        if not self._build.has(Fault.FREE_MANA):
            return cost
        return ManaCost(cost.text, _SUBSIDY, (), cost.xs) if cost.xs else FREE

    # --- what the engine asks

    def run(self, steps: Steps) -> None:
        """Carry out a part of the game, answering what it asks."""
        reply: Answer = None
        while True:
            try:
                choice = steps.send(reply)
            except StopIteration:
                return
            reply = self._answer(choice)

    def _answer(self, choice: Choice) -> Answer:
        match choice:
            case Confirm():
                return int(self._confirm(choice))
            case ChooseEntity():
                return self._choose_entity(choice)
            case ChooseCards():
                return self._choose_cards(choice)
            case ChooseAbility():
                return self._choose_ability(choice)
            case AnnounceValue():
                return self._announce(choice)
            case Reveal():
                for seat in (0, 1):
                    self._send(seat, "reveal", reveal_fields(self._game, choice.cards))
                return None
            case _:
                raise EngineError(f"java.lang.IllegalStateException: {type(choice).__name__}")

    def _confirm(self, choice: Confirm) -> bool:
        seat = choice.seat
        if choice.purpose is Purpose.PAY:  # what would prevent an effect is not paid for
            return False
        if choice.kind is ConfirmKind.TRIGGER:
            name, _, text = choice.message.partition(": ")
            return answers.is_yes(self._ask(seat, "play_trigger", trigger_fields(name, text)))
        if choice.kind is ConfirmKind.FROM_EFFECT:
            return answers.is_yes(self._ask(seat, "play_from_effect", play_fields(choice.message)))
        mode = _MODES.get(choice.purpose)
        if mode is None:
            if self._build.has(Fault.CRASHES):
                raise EngineError("java.lang.NullPointerException: a question without a mode")
            mode = "Random"
        top = self._game.stack[-1].card.face.name if self._game.stack else None
        return answers.is_yes(self._ask(seat, "confirm_action", confirm_fields(mode, top)))

    def _choose_entity(self, choice: ChooseEntity) -> int:
        own = entity_fields(choice.message, choice.entities, optional=choice.optional)
        answer = self._ask(choice.seat, "choose_entity", own)
        if choice.optional and answer in ("", "-1", "none"):
            return -1
        return self._number(answer, len(choice.entities) - 1)

    def _choose_cards(self, choice: ChooseCards) -> tuple[int, ...]:
        count = len(choice.cards)
        if choice.purpose is Purpose.BOTTOM:  # all of a scry to the bottom, of a surveil away
            return tuple(range(choice.maximum))
        if choice.cards[0].zone is Zone.LIBRARY:  # searches, and what is taken from the top
            return tuple(range(choice.minimum))
        if self._is_acting and choice.message.endswith(_PICKED):
            return tuple(range(choice.minimum))
        if _is_namesake(choice):
            own = entity_fields(choice.message, choice.cards, optional=False)
            return (self._number(self._ask(choice.seat, "choose_entity", own), count - 1),)
        title = "Discard" if _is_discard(choice) else choice.message
        own = cards_fields(title, choice.cards, choice.minimum, choice.maximum)
        answer = self._ask(choice.seat, "choose_cards", own)
        chosen = answers.read_indices(answer, count)[: choice.maximum]
        rest = [index for index in range(count) if index not in chosen]
        return (*chosen, *rest[: max(choice.minimum - len(chosen), 0)])

    def _choose_ability(self, choice: ChooseAbility) -> int:
        if self._is_acting or not _names_halves(choice):  # modes, colours, types: the first
            return len(choice.abilities) - 1 if choice.abilities[-1] == DONE else 0
        listed = [(name, "{0}") for name in choice.abilities]
        answer = self._ask(choice.seat, "choose_ability", ability_fields(choice.source, listed))
        return self._number(answer, len(listed) - 1)

    def _announce(self, choice: AnnounceValue) -> int:
        """Ask for X; where targets are not chosen, X is not asked for either, and is 0."""
        if self._build.has(Fault.VANISHING_SPELLS):
            return choice.minimum
        own = value_fields(describe_face(choice.source.face))
        value = self._number(self._ask(choice.seat, "announce_value", own), MAX_INT)
        return min(value, choice.maximum, MOST_X)


_MODES: Final = {Purpose.SEARCH: "ChangeZoneGeneral", Purpose.BOTTOM: "ChangeZoneToAltDestination"}


def _payments(action: Action) -> tuple[Payment, ...]:
    if action.ability is not None:
        return action.ability.payments
    if action.kind is not ActionKind.CAST:
        return ()
    return (
        action.face.payments
        if action.way is None
        else (
            *action.face.payments,
            *action.way.payments,
        )
    )


def _is_aimed_spell(action: Action) -> bool:
    face = action.face
    modes = face.modes[: face.choose_modes[0]]
    return bool(face.targets) or any(mode.targets for mode in modes)


def _is_discard(choice: ChooseCards) -> bool:
    return choice.purpose is Purpose.DISCARD or choice.cards[0].zone is Zone.HAND


def _is_namesake(choice: ChooseCards) -> bool:
    """Return whether one of several legends of a name is to stay."""
    is_single = choice.minimum == choice.maximum == 1
    return is_single and choice.purpose is Purpose.KEEP and choice.cards[0].zone is Zone.BATTLEFIELD


def _names_halves(choice: ChooseAbility) -> bool:
    """Return whether a card is to be played in one of several ways."""
    names = {way.face.name for way in choice.source.face.ways if way.face is not None}
    return bool(names) and set(choice.abilities) <= {choice.source.face.name, *names}
