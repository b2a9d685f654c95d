"""Red creatures: each does what is printed on it."""

from trainingrun_daemon.rules.choices import ChooseAbility, ChooseEntity
from trainingrun_daemon.rules.damage import gain_life
from trainingrun_daemon.rules.enums import Keyword, Phase, Zone
from trainingrun_daemon.rules.zones import draw_cards


def mountains(table, count: int) -> None:
    """Give seat 0 its mana."""
    table.put(0, *["Mountain"] * count)


def next_turn(table, active: int) -> None:
    """Begin the first main phase of a later turn of a seat, everything untapped."""
    table.game.turn += 1 if active != table.game.active else 2
    table.game.active = active
    table.game.phase = Phase.MAIN1
    for player in table.game.players:
        player.begin_turn()
        for card in player.battlefield:
            card.tapped = card.is_sick = False
    table.game.is_stale = True
    table.settle()


def test_bashtronaut_pumps_itself(table) -> None:
    """Two mana are +1/+0."""
    mountains(table, 2)
    goblin = table.put(0, "Burnout Bashtronaut")
    table.act("Burnout Bashtronaut: +1/+0")
    assert (goblin.power, goblin.toughness) == (2, 1)


def test_bashtronaut_cannot_be_blocked_by_one(table) -> None:
    """Menace: a single blocker does not stop it."""
    goblin = table.put(0, "Burnout Bashtronaut")
    giant = table.put(1, "Hill Giant")
    table.fight((goblin,), {giant: goblin})
    assert table.bob.life == 19


def test_bashtronaut_strikes_twice_at_max_speed(table) -> None:
    """Three turns in which the opponent loses life bring the speed from 1 to 4."""
    goblin = table.put(0, "Burnout Bashtronaut")
    table.settle()
    assert table.ann.speed == 1
    for speed in (2, 3, 4):
        next_turn(table, 0)
        assert Keyword.DOUBLE_STRIKE not in goblin.keywords
        table.fight((goblin,))
        assert table.ann.speed == speed
    next_turn(table, 0)
    assert Keyword.DOUBLE_STRIKE in goblin.keywords
    table.fight((goblin,))
    assert table.bob.life == 15


def test_emberheart_challenger_lets_the_top_card_be_played(table) -> None:
    """The first spell of a turn that targets it exiles the top card, a land to play; no second."""
    mountains(table, 2)
    challenger = table.put(0, "Emberheart Challenger")
    table.hold(0, "Full Bore", "Full Bore")
    table.act("Full Bore", "Full Bore", "Mountain")
    assert challenger.power == 2 + 3 + 3 + 1 + 1
    assert table.ann.exile == []
    assert len(table.ann.library) == 19
    assert table.ann.lands_played == 1


def test_emberheart_challenger_ignores_the_opponent(table) -> None:
    """A spell of the opponent that targets it exiles nothing."""
    table.put(0, "Emberheart Challenger")
    table.put(1, "Mountain")
    table.hold(1, "Shock")
    table.game.active = 1
    table.act("Shock", table.ann.battlefield[0])
    assert table.ann.exile == []


def test_hired_claw_hits_once_for_any_number_of_lizards(table) -> None:
    """Two attacking Lizards are one trigger of each Claw, though one of them stays home."""
    claw = table.put(0, "Hired Claw")
    lizards = (table.put(0, "Viashino Pyromancer"), table.put(0, "Magebane Lizard"))
    table.fight(lizards)
    assert table.bob.life == 20 - 2 - 1 - 1
    assert not claw.tapped


def test_hired_claw_stays_quiet_without_lizards(table) -> None:
    """An attack of a Goblin alone does not count."""
    table.put(0, "Hired Claw")
    piker = table.put(0, "Goblin Piker")
    table.fight((piker,))
    assert table.bob.life == 18


def test_hired_claw_grows_once_a_turn_after_drawing_blood(table) -> None:
    """The counter is offered when the opponent has lost life, and once only."""
    mountains(table, 5)
    claw = table.put(0, "Hired Claw")
    table.hold(0, "Shock")
    assert "Hired Claw" not in table.offers(0)
    table.act("Shock", table.bob, "Hired Claw: counter")
    assert (claw.power, claw.toughness) == (2, 3)
    assert "Hired Claw" not in table.offers(0)


def test_slickshot_grows_with_noncreature_spells(table) -> None:
    """A Shock gives +2/+0, a creature nothing."""
    mountains(table, 2)
    bird = table.put(0, "Slickshot Show-Off")
    table.hold(0, "Shock", "Raging Goblin")
    table.act("Raging Goblin", "Shock", table.bob)
    assert (bird.power, bird.toughness) == (3, 2)


def test_slickshot_is_plotted_for_a_later_turn(table) -> None:
    """Plotted for two mana it can not be cast this turn, but for nothing on the next one."""
    mountains(table, 2)
    bird = table.hold(0, "Slickshot Show-Off")
    table.act("Slickshot Show-Off/Plot")
    assert bird.zone is Zone.EXILE
    assert table.offers(0) == []
    next_turn(table, 0)
    for land in table.ann.battlefield:
        land.tapped = True
    table.act("Slickshot Show-Off/free")
    assert bird.zone is Zone.BATTLEFIELD


def test_plotted_cards_wait_for_the_own_turn(table) -> None:
    """On the opponent's turn a plotted card is not offered: it is cast like a sorcery."""
    mountains(table, 2)
    table.hold(0, "Slickshot Show-Off")
    table.act("Slickshot Show-Off/Plot")
    next_turn(table, 1)
    table.game.phase = Phase.END
    assert table.offers(0) == []


def test_nova_hellkite_shoots_as_it_enters(table) -> None:
    """An opposing creature is dealt 1 damage."""
    mountains(table, 5)
    table.put(0, "Raging Goblin")
    goblin = table.put(1, "Raging Goblin")
    table.hold(0, "Nova Hellkite")
    table.act("Nova Hellkite")
    assert goblin.zone is Zone.GRAVEYARD
    assert len(table.ann.battlefield) == 7


def test_nova_hellkite_warps_in_for_a_turn(table) -> None:
    """For three mana it attacks, goes to exile at the end step, and is cast later for five."""
    mountains(table, 3)
    hellkite = table.hold(0, "Nova Hellkite")
    table.act("Nova Hellkite/Warp")
    table.fight((hellkite,))
    assert table.bob.life == 16
    table.end_step()
    assert hellkite.zone is Zone.EXILE
    next_turn(table, 0)
    assert table.offers(0) == []
    mountains(table, 2)
    table.act("Nova Hellkite")
    assert hellkite.zone is Zone.BATTLEFIELD
    table.end_step()
    assert hellkite.zone is Zone.BATTLEFIELD


def test_kellan_rises_by_two_steps(table) -> None:
    """The Detective may become a Rogue, which a Scout may not; both changes last."""
    mountains(table, 5)
    kellan = table.put(0, "Kellan, Planar Trailblazer")
    assert table.offers(0) == ["Kellan, Planar Trailblazer"]
    table.act("Kellan, Planar Trailblazer: Detective", "Kellan, Planar Trailblazer: Rogue")
    table.end_step()
    table.settle()
    assert (kellan.power, kellan.toughness) == (3, 2)
    assert kellan.subtypes == {"Human", "Faerie", "Rogue"}
    assert Keyword.DOUBLE_STRIKE in kellan.keywords


def test_kellan_the_detective_finds_a_card_to_play(table) -> None:
    """Combat damage to a player exiles the top card, a land that is played this turn."""
    mountains(table, 2)
    kellan = table.put(0, "Kellan, Planar Trailblazer")
    table.act("Kellan, Planar Trailblazer: Detective")
    table.fight((kellan,))
    assert len(table.ann.exile) == 1
    table.act("Mountain")
    assert len(table.ann.battlefield) == 4


def test_needlehead_pricks_for_each_card(table) -> None:
    """The opponent is dealt 1 damage for each card drawn, its controller none."""
    table.put(0, "Razorkin Needlehead")
    draw_cards(table.game, 1, 2)
    draw_cards(table.game, 0, 2)
    table.act()
    assert table.bob.life == 18
    assert table.ann.life == 20


def test_needlehead_strikes_first_on_its_own_turn_only(table) -> None:
    """First strike comes and goes with the turn."""
    needlehead = table.put(0, "Razorkin Needlehead")
    table.settle()
    assert Keyword.FIRST_STRIKE in needlehead.keywords
    next_turn(table, 1)
    assert Keyword.FIRST_STRIKE not in needlehead.keywords


def test_magebane_lizard_punishes_each_further_spell_more(table) -> None:
    """The first noncreature spell costs its caster 1 life, the second 2; creatures are free."""
    mountains(table, 3)
    table.put(0, "Magebane Lizard")
    table.hold(0, "Boltwave", "Boltwave", "Raging Goblin")
    table.act("Boltwave", "Boltwave", "Raging Goblin")
    assert table.ann.life == 20 - 1 - 2


def test_sunspine_lynx_burns_for_nonbasic_lands(table) -> None:
    """Each player is dealt damage for their own nonbasic lands."""
    mountains(table, 4)
    table.put(1, "Sacred Foundry", "Steam Vents", "Plains")
    table.hold(0, "Sunspine Lynx")
    table.act("Sunspine Lynx")
    assert table.bob.life == 18
    assert table.ann.life == 20


def test_sunspine_lynx_stops_life_gain_and_prevention(table) -> None:
    """No one gains life, and a shield does not help."""
    table.put(0, "Mountain", "Sunspine Lynx")
    gain_life(table.game, 1, 5)
    table.bob.shield = 2
    table.hold(0, "Shock")
    table.act("Shock", table.bob)
    assert table.bob.life == 18


def test_heartfire_hero_grows_and_burns_as_it_dies(table) -> None:
    """Targeted first it is 2/2 for good, and it deals the power it died with to the opponent."""
    mountains(table, 2)
    hero = table.put(0, "Heartfire Hero")
    table.hold(0, "Full Bore", "Shock")
    table.act("Full Bore", "Shock", hero)
    assert hero.zone is Zone.BATTLEFIELD
    assert (hero.power, hero.toughness, hero.counters) == (5, 4, {"P1P1": 1})
    table.put(0, "Mountain")
    table.hold(0, "Shock")
    table.act("Shock", hero)
    assert hero.zone is Zone.GRAVEYARD
    assert table.bob.life == 15


def test_manifold_mouse_has_offspring(table) -> None:
    """For two mana more there is a 1/1 token copy, which has no offspring of its own."""
    mountains(table, 4)
    mouse = table.hold(0, "Manifold Mouse")
    table.act("Manifold Mouse/Offspring")
    assert (mouse.power, mouse.toughness) == (1, 2)
    tokens = [card for card in table.ann.battlefield if card.is_token]
    assert [(card.face.name, card.power, card.toughness) for card in tokens] == [
        ("Manifold Mouse", 1, 1)
    ]


def test_manifold_mouse_alone_has_no_offspring(table) -> None:
    """Cast for two mana it comes alone."""
    mountains(table, 2)
    table.hold(0, "Manifold Mouse")
    table.act("Manifold Mouse")
    assert not [card for card in table.ann.battlefield if card.is_token]


def test_manifold_mouse_trains_a_mouse(table) -> None:
    """At combat a Mouse gains what its controller chooses, and valiant sees the target."""
    table.put(0, "Manifold Mouse", "Goblin Piker")
    hero = table.put(0, "Heartfire Hero")
    blocker = table.put(1, "Raging Goblin")
    table.fight(hero, "Trample", (hero,), {blocker: hero})
    choice = next(choice for choice in table.asked if isinstance(choice, ChooseEntity))
    assert {card.face.name for card in choice.entities} == {"Heartfire Hero", "Manifold Mouse"}
    assert any(isinstance(choice, ChooseAbility) for choice in table.asked)
    assert table.bob.life == 19


def test_screaming_nemesis_passes_damage_on(table) -> None:
    """Dealt 2 damage it deals 2 to a player, who gains no life from then on."""
    table.put(0, "Screaming Nemesis")
    table.put(1, "Mountain")
    table.hold(1, "Shock")
    table.game.active = 1
    table.act("Shock", table.ann.battlefield[0], table.bob)
    assert table.bob.life == 18
    next_turn(table, 0)
    gain_life(table.game, 1, 5)
    gain_life(table.game, 0, 5)
    assert table.bob.life == 18
    assert table.ann.life == 25


def test_screaming_nemesis_does_not_target_itself(table) -> None:
    """Any other target: it is not among them."""
    nemesis = table.put(0, "Screaming Nemesis")
    table.put(0, "Mountain")
    table.hold(0, "Shock")
    table.act("Shock", nemesis, table.bob)
    choice = [choice for choice in table.asked if isinstance(choice, ChooseEntity)][-1]
    assert nemesis not in choice.entities
    assert nemesis.damage == 2


def test_viashino_pyromancer_burns_a_player(table) -> None:
    """As it enters, a player is dealt 2 damage."""
    mountains(table, 2)
    table.hold(0, "Viashino Pyromancer")
    table.act("Viashino Pyromancer", table.bob)
    assert table.bob.life == 18


def test_fanatical_firebrand_throws_itself(table) -> None:
    """It is tapped and sacrificed for 1 damage, even when it came this turn."""
    goblin = table.put(0, "Fanatical Firebrand")
    goblin.is_sick = True
    table.act("Fanatical Firebrand: 1 damage", table.bob)
    assert table.bob.life == 19
    assert goblin.zone is Zone.GRAVEYARD


def test_goblin_boarders_come_bigger_after_an_attack(table) -> None:
    """Raid: a counter when the controller attacked this turn, none otherwise."""
    mountains(table, 6)
    scout = table.put(0, "Raging Goblin")
    table.hold(0, "Goblin Boarders", "Goblin Boarders")
    table.act("Goblin Boarders")
    table.fight((scout,))
    table.act("Goblin Boarders")
    boarders = [card for card in table.ann.battlefield if card.face.name == "Goblin Boarders"]
    assert [(card.power, card.toughness) for card in boarders] == [(3, 2), (4, 3)]
