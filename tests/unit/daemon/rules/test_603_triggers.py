"""Chapter 603: triggered abilities."""

from trainingrun_daemon.cards.define import creature, define
from trainingrun_daemon.rules.choices import Confirm
from trainingrun_daemon.rules.effects.library import draw, make_discard
from trainingrun_daemon.rules.effects.life import drain_opponent, gain
from trainingrun_daemon.rules.effects.pump import grow_itself
from trainingrun_daemon.rules.effects.removal import destroy_all, destroy_targets
from trainingrun_daemon.rules.effects.targeting import target_creature, target_opposing_creature
from trainingrun_daemon.rules.effects.triggers import (
    at_end_step,
    at_upkeep,
    delay,
    is_itself,
    is_own,
    landfall,
    permanent_that,
    spell_that,
    valiant,
    when_dies,
    when_enters,
    when_leaves,
)
from trainingrun_daemon.rules.enums import Event, Phase, Purpose, Zone
from trainingrun_daemon.rules.model import Trigger
from trainingrun_daemon.rules.zones import (
    create_token,
    discard,
    move_card,
    put_on_battlefield,
    sacrifice,
)


def _cast(table, *triggers, seat: int = 0, name: str = "Bear", **rest):
    """Put a free creature with triggers into a hand."""
    face = creature(name, "{0}", "Bear", size=(2, 2), triggers=triggers, **rest)
    return table.place(seat, face, zone=Zone.HAND)


def test_an_ability_triggers_when_its_permanent_enters(table) -> None:
    """Rule 603.6a: "when this enters" triggers once."""
    _cast(table, when_enters("gain 2.", gain(2)))
    table.act("Bear")
    assert table.ann.life == 22


def test_an_ability_sees_its_own_permanent_enter(table) -> None:
    """Rule 603.6a: "whenever a creature enters under your control" counts itself."""
    any_creature = Trigger(
        event=Event.ENTERS,
        text="gain 1.",
        effect=gain(1),
        condition=permanent_that(lambda card: card.is_creature),
    )
    _cast(table, any_creature)
    table.act("Bear")
    assert table.ann.life == 21


def test_another_does_not_count_itself(table) -> None:
    """Rule 603.6a: "another creature" is not itself."""
    another = Trigger(
        event=Event.ENTERS,
        text="gain 1.",
        effect=gain(1),
        condition=permanent_that(lambda card: card.is_creature, other=True),
    )
    _cast(table, another)
    _cast(table, name="Second")
    table.act("Bear", "Second")
    assert table.ann.life == 21


def test_tokens_enter_too(table) -> None:
    """Rule 603.6a: a created token triggers abilities that look for entering creatures."""
    another = Trigger(
        event=Event.ENTERS,
        text="gain 1.",
        effect=gain(1),
        condition=permanent_that(lambda card: card.is_creature, other=True),
    )
    table.creature(0, (1, 1), triggers=(another,))
    create_token(table.game, creature("Imp", "", "Imp", size=(1, 1)), 0)
    table.act()
    assert table.ann.life == 21


def test_landfall(table) -> None:
    """Rule 207.2c: the ability word stands for "whenever a land you control enters"."""
    table.creature(0, (1, 1), triggers=(landfall("gain 1.", gain(1)),))
    table.hold(0, "Plains")
    table.act("Plains")
    assert table.ann.life == 21


def test_a_trigger_may_be_responded_to(table) -> None:
    """Rule 603.3: it goes onto the stack, where the opponent gets priority."""
    bear = _cast(table, when_enters("grow.", grow_itself()))
    table.lands(1, "R")
    table.hold(1, "Shock")
    table.follow(put_on_battlefield(table.game, bear))
    table.act("Shock", bear)
    assert (bear.zone, bear.counters) == (Zone.GRAVEYARD, {})


def test_the_active_players_triggers_resolve_last(table) -> None:
    """Rule 603.3b: the active player's go on the stack first."""
    order: list[int] = []
    note = Trigger(
        event=Event.UPKEEP,
        text="note.",
        effect=lambda _game, item: order.append(item.controller),
        condition=lambda _game, _card, _happening: True,
    )
    table.creature(0, (1, 1), triggers=(note,))
    table.creature(1, (1, 1), triggers=(note,))
    table.upkeep()
    assert order == [1, 0]


def test_a_trigger_without_a_target_is_removed(table) -> None:
    """Rule 603.3d: without a legal target it leaves the stack and does nothing."""
    trigger = when_enters(
        "destroy.", destroy_targets, targets=(target_opposing_creature(Purpose.REMOVE),)
    )
    bear = _cast(table, trigger)
    table.act("Bear")
    assert (bear.zone, table.game.stack) == (Zone.BATTLEFIELD, [])


def test_targets_are_chosen_as_it_goes_on_the_stack(table) -> None:
    """Rule 603.3d: the controller chooses before anybody may respond."""
    one, two = table.creature(1, (2, 2)), table.creature(1, (3, 3))
    trigger = when_enters(
        "destroy.", destroy_targets, targets=(target_opposing_creature(Purpose.REMOVE),)
    )
    _cast(table, trigger)
    table.act("Bear", one)
    assert (one.zone, two.zone) == (Zone.GRAVEYARD, Zone.BATTLEFIELD)


def test_an_intervening_if_is_checked_when_it_happens(table) -> None:
    """Rule 603.4: false at the event, it does not trigger."""
    trigger = at_end_step("gain 1.", gain(1))
    checked = Trigger(
        event=trigger.event,
        text=trigger.text,
        effect=trigger.effect,
        condition=lambda game, _card, _happening: game.players[0].life > 20,
    )
    table.creature(0, (1, 1), triggers=(checked,))
    table.end_step()
    assert table.ann.life == 20


def test_an_intervening_if_is_checked_again_on_resolution(table) -> None:
    """Rule 603.4: false when it would resolve, it does nothing."""
    table.creature(
        0,
        (1, 1),
        triggers=(
            at_end_step("gain 5.", gain(5), still=lambda game, _item: game.players[0].life >= 20),
        ),
    )
    table.lands(1, "R")
    table.hold(1, "Shock")
    table.end_step("Shock", table.ann)
    assert table.ann.life == 18


def test_you_may_is_asked_on_resolution(table) -> None:
    """Rule 603.5: an optional trigger goes on the stack; its controller decides then."""
    _cast(table, when_enters("gain 2.", gain(2), optional=True))
    table.act("Bear", True)
    assert table.ann.life == 22
    assert sum(isinstance(choice, Confirm) for choice in table.asked) == 1


def test_you_may_declined(table) -> None:
    """Rule 603.5: a no means nothing happens."""
    _cast(table, when_enters("gain 2.", gain(2), optional=True))
    table.act("Bear", False)
    assert table.ann.life == 20


def test_once_for_each_event(table) -> None:
    """Rule 603.2c: three creatures that die are three events."""
    dies = Trigger(
        event=Event.DIES,
        text="drain.",
        effect=drain_opponent(1),
        condition=permanent_that(lambda card: card.is_creature, own=False),
    )
    table.put(0, "Honor of the Pure")
    table.creature(0, (5, 5), triggers=(dies,))
    for card in [table.creature(1, (1, 1)) for _ in range(3)]:
        card.damage = 1
    table.act()
    assert table.bob.life == 17


def test_triggers_once_each_turn(table) -> None:
    """Rule 603.2h: "the first time each turn" triggers no second time, but again next turn."""
    bear = table.creature(0, (2, 2), triggers=(valiant("gain 1.", gain(1)),))
    table.lands(0, "GGG")
    table.hold(0, "Giant Growth", "Giant Growth", "Giant Growth")
    table.act("Giant Growth", "Giant Growth")
    assert table.ann.life == 21
    table.game.turn += 2
    table.act("Giant Growth")
    assert (table.ann.life, bear.zone) == (22, Zone.BATTLEFIELD)


def test_dying_triggers_look_back(table) -> None:
    """Rule 603.10a: "when this dies" works though the permanent is gone."""
    bear = table.creature(0, (2, 2), triggers=(when_dies("gain 2.", gain(2)),))
    bear.damage = 2
    table.act()
    assert (bear.zone, table.ann.life) == (Zone.GRAVEYARD, 22)


def test_exile_is_not_death(table) -> None:
    """Rule 700.4: only from the battlefield into a graveyard is dying; leaving is either."""
    bear = table.creature(
        0, (2, 2), triggers=(when_dies("gain 2.", gain(2)), when_leaves("gain 1.", gain(1)))
    )
    move_card(table.game, bear, Zone.EXILE)
    table.act()
    assert table.ann.life == 21


def test_milling_a_creature_is_not_death(table) -> None:
    """Rule 700.4: a creature card that comes from a library did not die."""
    watcher = Trigger(
        event=Event.DIES,
        text="gain.",
        effect=gain(1),
        condition=lambda _game, _card, _happening: True,
    )
    table.creature(0, (1, 1), triggers=(watcher,))
    move_card(table.game, table.put(0, "Hill Giant", zone=Zone.LIBRARY), Zone.GRAVEYARD)
    table.act()
    assert table.ann.life == 20


def test_all_that_die_in_a_sweep_are_seen_by_each(table) -> None:
    """Rule 603.10a: two watchers that a sweeper kills with a third creature trigger twice each."""
    dies = Trigger(
        event=Event.DIES,
        text="drain.",
        effect=drain_opponent(1),
        condition=permanent_that(lambda card: card.is_creature, own=False, other=True),
    )
    for _ in range(2):
        table.creature(0, (2, 2), triggers=(dies,))
    table.creature(1, (2, 2))
    table.place(0, define("Wrath", "{0}", "Sorcery", spell=destroy_all()), zone=Zone.HAND)
    table.act("Wrath")
    assert table.bob.life == 16


def test_a_watcher_of_enchanted_creatures_sees_its_host_die(table) -> None:
    """Rule 603.10a: an aura that says "when enchanted creature dies" looks at its last host."""
    trigger = Trigger(
        event=Event.DIES,
        text="gain 3.",
        effect=gain(3),
        condition=lambda _game, card, happening: happening.card is card.attached_to,
    )
    aura = table.place(
        0,
        define(
            "Bond",
            "{W}",
            "Enchantment - Aura",
            triggers=(trigger,),
            targets=(target_creature(Purpose.GROW),),
        ),
    )
    bear = table.creature(0, (2, 2))
    aura.attached_to = bear
    bear.damage = 2
    table.act()
    assert table.ann.life == 23


def test_a_sacrificed_permanent_sees_its_own_sacrifice_once(table) -> None:
    """Rule 603.10a: "whenever you sacrifice a permanent" counts itself, once."""
    trigger = Trigger(event=Event.SACRIFICED, text="gain.", effect=gain(1), condition=is_own)
    bear = table.creature(0, (2, 2), triggers=(trigger,))
    sacrifice(table.game, bear)
    table.act()
    assert table.ann.life == 21


def test_the_power_it_had_is_remembered(table) -> None:
    """Rule 603.10a: a trigger by a dead creature's power uses what it last was."""
    seen: list[int] = []
    note = when_dies("note.", lambda _game, item: seen.append(item.happening.amount))
    bear = table.creature(0, (2, 2), triggers=(note,))
    bear.boost_power = 3
    table.settle()
    bear.damage = 2
    table.act()
    assert seen == [5]


def test_the_controller_of_the_dead_gets_the_trigger(table) -> None:
    """Rule 603.3a: the controller of the source when it triggered controls the ability."""
    bear = table.creature(1, (2, 2), triggers=(when_dies("gain 2.", gain(2)),))
    bear.damage = 2
    table.act()
    assert (table.ann.life, table.bob.life) == (20, 22)


def test_cast_triggers_resolve_before_the_spell(table) -> None:
    """Rule 603.3: a cast trigger is put above the spell that caused it."""
    order: list[str] = []
    cast = Trigger(
        event=Event.SPELL_CAST,
        text="note.",
        effect=lambda _game, _item: order.append("trigger"),
        condition=spell_that(lambda _item: True),
    )
    table.creature(0, (1, 1), triggers=(cast,))
    face = define("Spell", "{0}", "Sorcery", spell=lambda _game, _item: order.append("spell"))
    table.place(0, face, zone=Zone.HAND)
    table.act("Spell")
    assert order == ["trigger", "spell"]


def test_a_countered_spell_was_cast(table) -> None:
    """Rule 701.6a: cast triggers happen although the spell is countered."""
    cast = Trigger(
        event=Event.SPELL_CAST,
        text="gain.",
        effect=gain(1),
        condition=spell_that(lambda _item: True),
    )
    table.creature(0, (1, 1), triggers=(cast,))
    table.place(0, define("Spell", "{0}", "Sorcery", spell=gain(5)), zone=Zone.HAND)
    table.lands(1, "UUU")
    table.hold(1, "Cancel")
    table.act("Spell", "Cancel")
    assert table.ann.life == 21


def test_a_trigger_counts_only_events_after_it_came(table) -> None:
    """Rule 603.2: what was there before is no event for a new permanent."""
    any_creature = Trigger(
        event=Event.ENTERS,
        text="gain 1.",
        effect=gain(1),
        condition=permanent_that(lambda card: card.is_creature, other=True),
    )
    table.creature(0, (1, 1))
    _cast(table, any_creature)
    table.act("Bear")
    assert table.ann.life == 20


def test_upkeep_triggers_are_for_their_own_upkeep(table) -> None:
    """Rule 503.1a: "at the beginning of your upkeep" is not the opponent's."""
    table.creature(0, (1, 1), triggers=(at_upkeep("gain 1.", gain(1)),))
    table.upkeep()
    table.game.active = 1
    table.upkeep()
    assert table.ann.life == 21


def test_a_delayed_trigger_happens_once(table) -> None:
    """Rule 603.7b: it triggers at the next end step and never again."""
    table.place(0, _delaying("{0}"), zone=Zone.HAND)
    table.act("Later")
    table.end_step()
    table.end_step()
    assert table.ann.life == 23


def test_a_delayed_trigger_made_in_the_end_step_waits(table) -> None:
    """Rule 513.2: "at the next end step" made during one is the one of the next turn."""
    table.place(1, _delaying("{0}"), zone=Zone.HAND)
    table.end_step("Later")
    assert table.bob.life == 20
    table.end_step()
    assert table.bob.life == 23


def test_a_delayed_trigger_does_not_need_its_source(table) -> None:
    """Rule 603.7d: the spell that made it controls it from the graveyard."""
    card = table.place(0, _delaying("{0}"), zone=Zone.HAND)
    table.act("Later")
    move_card(table.game, card, Zone.EXILE)
    table.end_step()
    assert table.ann.life == 23


def _delaying(cost: str):
    def later(game, item) -> None:
        delay(game, item, event=Event.END_STEP, effect=gain(3), text="gain 3.")

    return define("Later", cost, "Instant", spell=later)


def test_damage_triggers_know_how_much(table) -> None:
    """Rule 603.2g: an event that was prevented does not trigger anything."""
    hurt = Trigger(event=Event.DAMAGES, text="gain.", effect=gain(1), condition=is_itself)
    bear = table.creature(0, (2, 2), triggers=(hurt,))
    table.bob.shield = 2
    table.fight((bear,))
    assert (table.ann.life, table.bob.life) == (20, 20)


def test_triggers_in_the_cleanup_step_resolve_in_it(table) -> None:
    """Rule 514.3a: discarding to hand size triggers; it resolves before the next turn."""
    trigger = Trigger(
        event=Event.DISCARDS, text="drain.", effect=drain_opponent(1), condition=is_own
    )
    table.creature(0, (1, 1), triggers=(trigger,))
    table.hold(0, *["Plains"] * 9)
    table.end_step()
    assert (table.bob.life, table.game.stack) == (18, [])


def test_another_cleanup_step_follows(table) -> None:
    """Rule 514.3a: cards drawn by a trigger of the cleanup step are discarded in another one."""
    trigger = Trigger(
        event=Event.DISCARDS, text="draw.", effect=draw(1), condition=is_own, once_a_turn=True
    )
    table.creature(0, (1, 1), triggers=(trigger,))
    table.hold(0, *["Plains"] * 8)
    table.end_step()
    assert (len(table.ann.hand), len(table.ann.graveyard)) == (7, 2)


def test_a_discard_is_an_event_of_its_owner(table) -> None:
    """Rule 701.9a: whoever makes a player discard, it is that player's discard."""
    trigger = Trigger(event=Event.DISCARDS, text="gain.", effect=gain(1), condition=is_own)
    table.creature(1, (1, 1), triggers=(trigger,))
    table.hold(1, "Plains")
    table.follow(make_discard(table.game, 1, count=1, cause="Test"))
    table.act()
    assert table.bob.life == 21


def test_triggers_of_a_spell_wait_until_it_has_resolved(table) -> None:
    """Rule 603.3: what triggers during a resolution goes on the stack afterwards."""
    order: list[str] = []
    note = Trigger(
        event=Event.DISCARDS,
        text="note.",
        effect=lambda _game, _item: order.append("trigger"),
        condition=is_own,
    )
    table.creature(0, (1, 1), triggers=(note,))
    card = table.hold(0, "Plains")

    def spell(game, item) -> None:
        discard(game, card)
        order.append("spell")

    table.place(0, define("Spell", "{0}", "Sorcery", spell=spell), zone=Zone.HAND)
    table.act("Spell")
    assert order == ["spell", "trigger"]


def test_an_ability_on_the_stack_outlives_its_source(table) -> None:
    """Rule 113.7a: killing the creature in response does not stop its trigger."""
    bear = _cast(table, when_enters("gain 2.", gain(2)))
    table.lands(1, "R")
    table.hold(1, "Shock")
    table.follow(put_on_battlefield(table.game, bear))
    table.act("Shock", bear)
    assert (bear.zone, table.ann.life) == (Zone.GRAVEYARD, 22)


def test_step_triggers_happen_in_a_whole_turn(table) -> None:
    """Rule 603.2b: those of upkeep and end step each trigger once in their player's turn."""
    phases: list[Phase] = []
    note = [
        maker("note.", lambda game, _item: phases.append(game.phase))
        for maker in (at_upkeep, at_end_step)
    ]
    table.creature(0, (1, 1), triggers=tuple(note))
    table.turn()
    assert phases == [Phase.UPKEEP, Phase.END]
