"""Red spells that are no creatures: each does what is printed on it."""

from trainingrun_daemon.rules.choices import (
    AnnounceValue,
    ChooseAbility,
    ChooseAction,
    ChooseEntity,
)
from trainingrun_daemon.rules.enums import Keyword, Phase, Zone
from trainingrun_daemon.rules.zones import LORE, add_counters, enter_phase


def mountains(table, count: int) -> None:
    """Give seat 0 its mana."""
    table.put(0, *["Mountain"] * count)


def test_burst_lightning_deals_two(table) -> None:
    """For one mana it is 2 damage."""
    mountains(table, 1)
    table.hold(0, "Burst Lightning")
    table.act("Burst Lightning", table.bob)
    assert table.bob.life == 18


def test_burst_lightning_kicked_deals_four(table) -> None:
    """For five mana it is 4 damage, and creatures that 4 kills are offered first."""
    mountains(table, 5)
    elemental = table.put(1, "Air Elemental")
    table.hold(0, "Burst Lightning")
    table.act("Burst Lightning/Kicker", elemental)
    assert elemental.zone is Zone.GRAVEYARD
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    assert choice.amount == 4
    assert choice.entities[0] is elemental


def test_burst_lightning_kicked_needs_five_mana(table) -> None:
    """With four lands only the plain spell is offered."""
    mountains(table, 4)
    table.hold(0, "Burst Lightning")
    assert table.offers(0) == ["Burst Lightning"]


def test_lightning_strike_deals_three(table) -> None:
    """It is 3 damage to a player."""
    mountains(table, 2)
    table.hold(0, "Lightning Strike")
    table.act("Lightning Strike", table.bob)
    assert table.bob.life == 17


def test_channeled_dragonfire_comes_back_once(table) -> None:
    """From the graveyard it costs seven mana and is exiled afterwards."""
    mountains(table, 7)
    spell = table.put(0, "Channeled Dragonfire", zone=Zone.GRAVEYARD)
    table.act("Channeled Dragonfire/Harmonize", table.bob)
    assert table.bob.life == 18
    assert spell.zone is Zone.EXILE


def test_channeled_dragonfire_is_cheaper_for_a_tapped_creature(table) -> None:
    """The creature with the greatest power pays as much generic mana as its power."""
    mountains(table, 4)
    table.put(0, "Goblin Piker")
    giant = table.put(0, "Hill Giant")
    table.put(0, "Channeled Dragonfire", zone=Zone.GRAVEYARD)
    table.act("Channeled Dragonfire/Harmonize, tapping a creature", table.bob)
    assert table.bob.life == 18
    assert giant.tapped


def test_full_bore_makes_a_creature_bigger(table) -> None:
    """+3/+2; only a warped creature gains trample and haste."""
    mountains(table, 1)
    piker = table.put(0, "Goblin Piker")
    table.hold(0, "Full Bore")
    table.act("Full Bore")
    assert (piker.power, piker.toughness) == (5, 3)
    assert Keyword.TRAMPLE not in piker.keywords


def test_full_bore_on_a_warped_creature(table) -> None:
    """A creature that was cast by warp gains trample as well."""
    mountains(table, 4)
    hellkite = table.hold(0, "Nova Hellkite")
    table.hold(0, "Full Bore")
    table.act("Nova Hellkite/Warp", "Full Bore")
    assert hellkite.power == 7
    assert Keyword.TRAMPLE in hellkite.keywords


def test_obliterating_bolt_exiles_what_it_kills(table) -> None:
    """A creature that dies of the 4 damage goes to exile."""
    mountains(table, 2)
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Obliterating Bolt")
    table.act("Obliterating Bolt")
    assert giant.zone is Zone.EXILE


def test_scorching_dragonfire_exiles_what_it_kills(table) -> None:
    """A creature that dies of the 3 damage goes to exile."""
    mountains(table, 2)
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Scorching Dragonfire")
    table.act("Scorching Dragonfire")
    assert giant.zone is Zone.EXILE


def test_torch_the_tower_deals_two(table) -> None:
    """Without a bargain a 3/3 survives."""
    mountains(table, 1)
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Torch the Tower")
    table.act("Torch the Tower")
    assert giant.damage == 2
    assert giant.zone is Zone.BATTLEFIELD


def test_torch_the_tower_bargained_deals_three_and_scries(table) -> None:
    """An enchantment is sacrificed, the 3/3 is exiled, and the top card goes to the bottom."""
    mountains(table, 1)
    giant = table.put(1, "Hill Giant")
    honor = table.put(0, "Honor of the Pure")
    table.hold(0, "Torch the Tower")
    top = table.ann.library[-1]
    table.act("Torch the Tower/Bargain", (top,))
    assert honor.zone is Zone.GRAVEYARD
    assert giant.zone is Zone.EXILE
    assert table.ann.library[0] is top


def test_cut_propulsion_turns_power_against_itself(table) -> None:
    """A 3/3 kills itself."""
    mountains(table, 3)
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Cut Propulsion")
    table.act("Cut Propulsion")
    assert giant.zone is Zone.GRAVEYARD


def test_cut_propulsion_doubles_for_flyers(table) -> None:
    """A flying 1/2 kills itself, though its power alone would not do."""
    mountains(table, 3)
    crow = table.put(1, "Storm Crow")
    table.hold(0, "Cut Propulsion")
    table.act("Cut Propulsion")
    assert crow.zone is Zone.GRAVEYARD


def test_cut_propulsion_offers_what_it_kills_first(table) -> None:
    """A 1/2 flyer, which dies, comes before a 1/4, which does not."""
    mountains(table, 3)
    lizard = table.put(1, "Magebane Lizard")
    crow = table.put(1, "Storm Crow")
    table.hold(0, "Cut Propulsion")
    table.act("Cut Propulsion", crow)
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    assert choice.entities == [crow, lizard]


def test_pyroclasm_hits_both_sides(table) -> None:
    """Creatures with toughness 2 die, whoever controls them."""
    mountains(table, 2)
    mine, big = table.put(0, "Goblin Piker"), table.put(1, "Hill Giant")
    theirs = table.put(1, "Elite Vanguard")
    table.hold(0, "Pyroclasm")
    table.act("Pyroclasm")
    assert mine.zone is theirs.zone is Zone.GRAVEYARD
    assert big.damage == 2


def test_witchstalker_frenzy_is_cheaper_after_an_attack(table) -> None:
    """Two attackers make it cost two less, and it deals 5 damage."""
    mountains(table, 2)
    elemental = table.put(1, "Air Elemental")
    first, second = table.put(0, "Goblin Piker"), table.put(0, "Raging Goblin")
    table.hold(0, "Witchstalker Frenzy")
    assert table.offers(0) == []
    table.fight((first, second))
    table.act("Witchstalker Frenzy", elemental)
    assert elemental.zone is Zone.GRAVEYARD


def test_abrade_burns_a_creature(table) -> None:
    """The first mode is 3 damage to a creature."""
    mountains(table, 2)
    giant = table.put(1, "Hill Giant")
    table.hold(0, "Abrade")
    table.act("Abrade")
    assert giant.zone is Zone.GRAVEYARD


def test_abrade_breaks_an_artifact(table) -> None:
    """The second mode destroys an artifact and is chosen when the spell is cast."""
    mountains(table, 2)
    table.put(1, "Hill Giant")
    lantern = table.put(1, "Soul-Guide Lantern")
    table.hold(0, "Abrade")
    table.act("Abrade", "Destroy")
    assert any(isinstance(choice, ChooseAbility) for choice in table.asked)
    assert lantern.zone is Zone.GRAVEYARD


def test_abrade_offers_the_mode_that_hurts_the_opponent_first(table) -> None:
    """With only an own creature on the table, breaking the opponent's artifact comes first."""
    mountains(table, 2)
    table.put(0, "Hill Giant")
    lantern = table.put(1, "Soul-Guide Lantern")
    table.hold(0, "Abrade")
    table.act("Abrade")
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseAbility))
    assert choice.abilities[0] == "Destroy target artifact"
    assert lantern.zone is Zone.GRAVEYARD


def test_play_with_fire_scries_after_hitting_a_player(table) -> None:
    """The top card may go to the bottom once a player was dealt the damage."""
    mountains(table, 1)
    table.hold(0, "Play with Fire")
    top = table.ann.library[-1]
    table.act("Play with Fire", table.bob, (top,))
    assert table.bob.life == 18
    assert table.ann.library[0] is top


def test_play_with_fire_on_a_creature_does_not_scry(table) -> None:
    """Damage to a creature gives no look at the library."""
    mountains(table, 1)
    lions = table.put(1, "Savannah Lions")
    table.hold(0, "Play with Fire")
    top = table.ann.library[-1]
    table.act("Play with Fire", lions)
    assert lions.zone is Zone.GRAVEYARD
    assert table.ann.library[-1] is top


def test_boltwave_needs_no_target(table) -> None:
    """Each opponent is dealt 3 damage without a question."""
    mountains(table, 1)
    table.hold(0, "Boltwave")
    table.act("Boltwave")
    assert table.bob.life == 17
    assert all(isinstance(choice, ChooseAction) for choice in table.asked)


def test_torch_the_witness_deals_twice_x(table) -> None:
    """X is asked for; X of 1 deals 2 damage, which leaves no Clue behind a 2/2."""
    mountains(table, 4)
    guide = table.put(1, "Goblin Guide")
    table.hold(0, "Torch the Witness")
    table.act("Torch the Witness", 1)
    announced = next(choice for choice in table.asked if isinstance(choice, AnnounceValue))
    assert (announced.minimum, announced.maximum) == (0, 3)
    assert guide.zone is Zone.GRAVEYARD
    assert not [card for card in table.ann.battlefield if card.is_token]


def test_torch_the_witness_investigates_for_excess_damage(table) -> None:
    """6 damage to a 2/2 leave a Clue, which draws a card for two mana."""
    mountains(table, 6)
    guide = table.put(1, "Goblin Guide")
    table.hold(0, "Torch the Witness")
    table.act("Torch the Witness", 3, "Clue: Draw")
    assert guide.zone is Zone.GRAVEYARD
    assert len(table.ann.hand) == 1


def test_torch_the_witness_orders_targets_by_its_damage(table) -> None:
    """With X of 1 the 2/2, which dies, is offered before the 4/4."""
    mountains(table, 2)
    elemental, guide = table.put(1, "Air Elemental"), table.put(1, "Goblin Guide")
    table.hold(0, "Torch the Witness")
    table.act("Torch the Witness", 1, guide)
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    assert choice.entities == [guide, elemental]
    assert choice.amount == 2


def cast_roku(table):
    """Cast the saga from four lands; its first chapter resolves."""
    mountains(table, 4)
    saga = table.hold(0, "The Legend of Roku")
    table.act("The Legend of Roku")
    return saga


def next_chapter(table, *moves) -> None:
    """Play on to the next chapter of seat 0's sagas."""
    table.game.turn += 2
    table.game.phase = Phase.MAIN1
    for land in table.ann.battlefield:
        land.tapped = False
    for card in table.ann.battlefield:
        if card.face.chapters:
            add_counters(table.game, card, LORE)
    table.act(*moves)


def test_legend_of_roku_lets_three_cards_be_played(table) -> None:
    """Chapter I exiles three cards, whose owner may play them through the next turn."""
    cast_roku(table)
    assert len(table.ann.exile) == 3
    assert "Mountain" in table.offers(0)
    table.game.turn += 2
    assert "Mountain" in table.offers(0)
    table.game.turn += 1
    assert "Mountain" not in table.offers(0)


def test_legend_of_roku_makes_mana_of_a_chosen_color(table) -> None:
    """Chapter II asks for a colour and adds one mana of it."""
    cast_roku(table)
    next_chapter(table, "blue")
    assert [mana.color for mana in table.ann.pool] == ["U"]


def test_legend_of_roku_returns_as_the_avatar(table) -> None:
    """Chapter III exiles the saga and returns it as a 4/4 legend without lore counters."""
    saga = cast_roku(table)
    next_chapter(table)
    next_chapter(table)
    assert saga.zone is Zone.BATTLEFIELD
    assert saga.face.name == "Avatar Roku"
    assert (saga.power, saga.toughness, saga.colors) == (4, 4, "R")
    assert saga.counters == {}
    assert len(table.ann.exile) == 3


def make_avatar(table):
    """Play the saga to its end; the avatar may attack."""
    avatar = cast_roku(table)
    next_chapter(table)
    next_chapter(table)
    avatar.is_sick = False
    return avatar


def test_avatar_roku_pays_for_his_dragon_with_firebending(table) -> None:
    """Four lands and the red mana of his attack are the eight that the Dragon costs."""
    avatar = make_avatar(table)
    table.fight((avatar,), "Avatar Roku: Dragon")
    dragon = next(card for card in table.ann.battlefield if card.is_token)
    assert (dragon.face.name, dragon.power, dragon.toughness) == ("Dragon", 4, 4)
    assert Keyword.FLYING in dragon.keywords


def test_firebending_mana_ends_with_the_combat(table) -> None:
    """Each attack of the Dragon adds four red mana, of which nothing is left afterwards."""
    avatar = make_avatar(table)
    table.fight((avatar,), "Avatar Roku: Dragon")
    dragon = next(card for card in table.ann.battlefield if card.is_token)
    dragon.is_sick = False
    table.fight((dragon,))
    assert [mana.color for mana in table.ann.pool] == ["R"] * 4
    enter_phase(table.game, Phase.MAIN2)
    assert table.ann.pool == []
