"""Planeswalkers: each of their abilities, and how they are attacked."""

from trainingrun_daemon.rules.choices import ChooseAction
from trainingrun_daemon.rules.enums import Keyword, Zone
from trainingrun_daemon.rules.zones import LOYALTY


def walker(table, name, *, loyalty=None):
    """Put a planeswalker before Ann, with another loyalty if one is given."""
    card = table.put(0, name)
    if loyalty is not None:
        card.counters[LOYALTY] = loyalty
    table.settle()
    return card


def begin_turn(table, seat):
    """Make it the main phase of a seat, in a new turn."""
    table.game.turn += 1
    table.game.active = seat
    table.game.is_stale = True
    table.settle()


def has_action(table, seat, words):
    """Whether a seat is offered an ability with these words."""
    table.asked.clear()
    table.act()
    return any(
        action.ability is not None and words in action.ability.text
        for choice in table.asked
        if isinstance(choice, ChooseAction) and choice.seat == seat
        for action in choice.actions
    )


def test_a_loyalty_ability_is_used_once_a_turn(table):
    """After one of them none is offered before the next turn."""
    garruk = walker(table, "Garruk, Unleashed")
    table.act("Garruk, Unleashed: Beast")
    assert garruk.counters == {LOYALTY: 2}
    assert not has_action(table, 0, "trample")
    begin_turn(table, 0)
    assert has_action(table, 0, "trample")


def test_a_loyalty_ability_needs_its_loyalty(table):
    """-7 is not offered at 6; a planeswalker without loyalty is gone."""
    garruk = walker(table, "Garruk, Unleashed", loyalty=6)
    assert not has_action(table, 0, "Emblem")
    garruk.counters[LOYALTY] = 2
    table.act("Garruk, Unleashed: Beast")
    assert garruk.zone is Zone.GRAVEYARD


def test_garruk_makes_a_creature_big(table):
    """+1: +3/+3 and trample until end of turn."""
    garruk = walker(table, "Garruk, Unleashed")
    lions = table.put(0, "Savannah Lions")
    table.act("Garruk, Unleashed: trample", lions)
    assert garruk.counters == {LOYALTY: 5}
    assert (lions.power, lions.toughness) == (5, 4)
    assert Keyword.TRAMPLE in lions.keywords


def test_garruk_goes_up_without_a_creature(table):
    """Up to one target may be none."""
    garruk = walker(table, "Garruk, Unleashed")
    table.act("Garruk, Unleashed: trample")
    assert garruk.counters == {LOYALTY: 5}


def test_garruk_gets_loyalty_back_when_he_is_behind(table):
    """-2: a Beast; with more creatures on the other side, one loyalty more."""
    garruk = walker(table, "Garruk, Unleashed")
    table.put(1, "Hill Giant", "Hill Giant")
    table.act("Garruk, Unleashed: Beast")
    beast = table.ann.battlefield[-1]
    assert (beast.power, beast.toughness, beast.colors) == (3, 3, "G")
    assert garruk.counters == {LOYALTY: 3}


def test_garruks_emblem_finds_creatures(table):
    """-7: at one's own end step a creature comes from the library, the dearest offered first."""
    walker(table, "Garruk, Unleashed", loyalty=7)
    table.put(0, "Savannah Lions", zone=Zone.LIBRARY)
    dreadmaw = table.put(0, "Colossal Dreadmaw", zone=Zone.LIBRARY)
    table.act("Garruk, Unleashed: Emblem")
    assert not [card for card in table.ann.battlefield if card.is_planeswalker]
    table.end_step(True)
    assert dreadmaw.zone is Zone.BATTLEFIELD
    assert not dreadmaw.tapped


def test_garruks_emblem_may_be_declined(table):
    """Nothing comes without a yes, and nothing at the opponent's end step."""
    walker(table, "Garruk, Unleashed", loyalty=7)
    lions = table.put(0, "Savannah Lions", zone=Zone.LIBRARY)
    table.act("Garruk, Unleashed: Emblem")
    table.end_step(False)
    begin_turn(table, 1)
    table.end_step()
    assert lions.zone is Zone.LIBRARY


def test_a_planeswalker_is_attacked(table):
    """The damage of an attack on it takes loyalty off and leaves the player alone."""
    garruk = walker(table, "Garruk, Unleashed")
    giant = table.put(1, "Hill Giant")
    begin_turn(table, 1)
    table.fight((giant,), garruk)
    assert garruk.counters == {LOYALTY: 1}
    assert table.ann.life == 20


def test_chandra_drives_a_vehicle(table):
    """At combat an uncrewed Vehicle of hers is a creature that may attack at once."""
    walker(table, "Chandra, Spark Hunter")
    copter = table.put(0, "Smuggler's Copter")
    copter.is_sick = True
    table.fight(copter, (copter,))
    assert table.bob.life == 17
    table.end_step()
    table.settle()
    assert not copter.is_creature


def test_chandra_asks_nothing_without_a_vehicle(table):
    """Her combat ability does not trigger then."""
    walker(table, "Chandra, Spark Hunter")
    table.put(1, "Smuggler's Copter")
    table.asked.clear()
    table.fight()
    assert not [choice for choice in table.asked if not isinstance(choice, ChooseAction)]


def test_chandra_changes_a_card_in_hand_for_another(table):
    """+2: a card is discarded and one drawn."""
    chandra = walker(table, "Chandra, Spark Hunter")
    shock = table.hold(0, "Shock")
    table.hold(0, "Hill Giant")
    table.act("Chandra, Spark Hunter: Give up", True, (shock,))
    assert chandra.counters == {LOYALTY: 6}
    assert shock.zone is Zone.GRAVEYARD
    assert len(table.ann.hand) == 2


def test_chandra_changes_an_artifact_for_a_card(table):
    """+2: an artifact is sacrificed and a card drawn."""
    walker(table, "Chandra, Spark Hunter")
    table.hold(0, "Hill Giant")
    thopter = table.put(0, "Ornithopter")
    table.act("Chandra, Spark Hunter: Give up", True, (thopter,))
    assert thopter.zone is Zone.GRAVEYARD
    assert len(table.ann.hand) == 2


def test_chandra_need_not_change_anything(table):
    """+2 without a yes only adds loyalty."""
    chandra = walker(table, "Chandra, Spark Hunter")
    shock = table.hold(0, "Shock")
    table.act("Chandra, Spark Hunter: Give up", False)
    assert chandra.counters == {LOYALTY: 6}
    assert table.ann.hand == [shock]


def test_chandras_vehicle_is_crewed(table):
    """0: a 3/2 artifact that is a creature when crewed."""
    chandra = walker(table, "Chandra, Spark Hunter")
    table.act("Chandra, Spark Hunter: Vehicle")
    vehicle = table.ann.battlefield[-1]
    assert chandra.counters == {LOYALTY: 4}
    assert not vehicle.is_creature
    table.put(0, "Raging Goblin")
    table.act("Vehicle: Crew")
    assert vehicle.is_creature
    assert (vehicle.power, vehicle.toughness, vehicle.colors) == (3, 2, "")


def test_chandras_emblem_burns_for_each_artifact(table):
    """-7: 3 damage to any target when an artifact enters, not for other permanents."""
    walker(table, "Chandra, Spark Hunter", loyalty=7)
    table.hold(0, "Ornithopter", "Mountain")
    table.act("Chandra, Spark Hunter: Emblem", "Mountain", "Ornithopter", table.bob)
    assert table.bob.life == 17


def test_kaito_is_a_ninja_in_his_turn_only(table):
    """3/4 with hexproof in his controller's turn, a planeswalker in the opponent's."""
    kaito = walker(table, "Kaito, Bane of Nightmares")
    assert kaito.is_creature
    assert not kaito.is_planeswalker
    assert (kaito.power, kaito.toughness) == (3, 4)
    assert Keyword.HEXPROOF in kaito.keywords
    table.fight((kaito,))
    assert table.bob.life == 17
    begin_turn(table, 1)
    assert not kaito.is_creature
    assert kaito.is_planeswalker
    assert Keyword.HEXPROOF not in kaito.keywords


def test_damage_to_kaito_as_a_creature_takes_no_loyalty(table):
    """It is marked on him, and he is destroyed by lethal damage only."""
    kaito = walker(table, "Kaito, Bane of Nightmares")
    giant = table.put(1, "Hill Giant")
    table.fight((kaito,), {giant: kaito})
    assert kaito.counters == {LOYALTY: 4}
    assert kaito.damage == 3
    assert kaito.zone is Zone.BATTLEFIELD


def test_kaito_without_loyalty_is_gone(table):
    """Without counters he is a planeswalker again, and one without loyalty."""
    kaito = walker(table, "Kaito, Bane of Nightmares", loyalty=2)
    table.put(1, "Hill Giant")
    table.act("Kaito, Bane of Nightmares: stun", table.bob.battlefield[0])
    assert kaito.zone is Zone.GRAVEYARD


def test_kaitos_emblem_makes_ninjas_bigger(table):
    """+1: he is a 4/5, and 5/6 with the second one."""
    kaito = walker(table, "Kaito, Bane of Nightmares")
    table.put(0, "Hill Giant")
    for size in ((4, 5), (5, 6)):
        table.act("Kaito, Bane of Nightmares: Ninjas")
        table.settle()
        assert (kaito.power, kaito.toughness) == size
        begin_turn(table, 0)
    assert kaito.counters == {LOYALTY: 6}
    assert table.ann.battlefield[-1].power == 3


def test_kaito_draws_when_the_opponent_lost_life(table):
    """0: surveil 2; a card only when the opponent lost life this turn."""
    walker(table, "Kaito, Bane of Nightmares")
    top = table.ann.library[-2:]
    table.act("Kaito, Bane of Nightmares: Surveil", tuple(top))
    assert set(table.ann.graveyard) == set(top)
    assert not table.ann.hand
    begin_turn(table, 0)
    table.bob.life_lost = 2
    table.act("Kaito, Bane of Nightmares: Surveil")
    assert len(table.ann.hand) == 1


def test_kaito_stuns_a_creature(table):
    """-2: tapped, and it stays so for two untap steps."""
    kaito = walker(table, "Kaito, Bane of Nightmares")
    giant = table.put(1, "Hill Giant")
    table.act("Kaito, Bane of Nightmares: stun", giant)
    assert giant.tapped
    assert giant.counters == {"STUN": 2}
    assert kaito.counters == {LOYALTY: 2}


def test_kaito_sneaks_in_for_an_unblocked_attacker(table):
    """Ninjutsu: he enters attacking, untouched by blocks, and deals his 3 damage."""
    table.put(0, "Island", "Swamp", "Swamp")
    lions = table.put(0, "Savannah Lions")
    kaito = table.hold(0, "Kaito, Bane of Nightmares")
    table.fight((lions,), "Kaito, Bane of Nightmares: Ninjutsu")
    assert lions.zone is Zone.HAND
    assert kaito.zone is Zone.BATTLEFIELD
    assert kaito.tapped
    assert table.bob.life == 17
    assert kaito.counters == {LOYALTY: 4}


def test_kaito_attacks_what_the_creature_attacked(table):
    """Ninjutsu with a creature that attacked a planeswalker."""
    table.put(0, "Island", "Swamp", "Swamp")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Kaito, Bane of Nightmares")
    garruk = table.put(1, "Garruk, Unleashed")
    table.fight((lions,), garruk, "Kaito, Bane of Nightmares: Ninjutsu")
    assert garruk.counters == {LOYALTY: 1}
    assert table.bob.life == 20


def test_kaito_can_not_replace_a_blocked_attacker(table):
    """Ninjutsu is not offered when every attacker is blocked, nor before blocks."""
    table.put(0, "Island", "Swamp", "Swamp")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Kaito, Bane of Nightmares")
    blocker = table.put(1, "Treetop Snarespinner")
    assert not has_action(table, 0, "Ninjutsu")
    table.asked.clear()
    table.fight((lions,), {blocker: lions})
    offered = [
        action.ability
        for choice in table.asked
        if isinstance(choice, ChooseAction)
        for action in choice.actions
    ]
    assert offered == []
