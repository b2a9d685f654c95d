"""OpenSpiel's games: what players see, what is refused, and how chance is drawn."""

import numpy as np
import pytest
from trainingrun_contracts.environment_config import OpenSpiel
from trainingrun_contracts.environment_spec import Vocabulary
from trainingrun_environments import open_spiel
from trainingrun_environments.errors import UnknownEnvironment


def kuhn():
    """Return the games of Kuhn's poker."""
    return open_spiel.games(OpenSpiel("kuhn_poker"))


def cards(game) -> tuple[int, int]:
    """Return the cards of players 0 and 1, by OpenSpiel's own history."""
    first, second, *_ = game.state.history()
    return first, second


def test_a_parameter_changes_the_shapes() -> None:
    """Breakthrough on 6 x 5 squares has tensors and moves of that board."""
    spec = open_spiel.games(OpenSpiel("breakthrough", {"rows": 6, "columns": 5})).spec
    assert (spec.observation, spec.actions) == ((3, 6, 5), Vocabulary(360))


def test_a_parameter_may_be_text() -> None:
    """A TrainingRun has integers and text: numbers with a point, true and false are text."""
    go = open_spiel.games(OpenSpiel("go", {"komi": "7.5", "board_size": 5}))
    pig = open_spiel.games(OpenSpiel("pig", {"piglet": "true"}))
    assert go.spec == open_spiel.games(OpenSpiel("go(komi=7.5,board_size=5)")).spec
    assert pig.spec == open_spiel.games(OpenSpiel("pig(piglet=True)")).spec


def test_an_integer_is_a_number_too() -> None:
    """YAML writes 7.0 as 7; the komi of Go is a number."""
    spec = open_spiel.games(OpenSpiel("go", {"komi": 7, "board_size": 5})).spec
    assert spec == open_spiel.games(OpenSpiel("go(komi=7.0,board_size=5)")).spec


def test_parameters_in_brackets_are_the_same_game() -> None:
    """OpenSpiel's own way of writing gives the same spec, hash included."""
    written = open_spiel.games(OpenSpiel("hex(board_size=5)"))
    assert written.spec == open_spiel.games(OpenSpiel("hex", {"board_size": 5})).spec


def test_other_parameters_are_another_meaning_even_where_the_shapes_are_the_same() -> None:
    """Other dice are not those that the weights were learnt with."""
    plain = open_spiel.games(OpenSpiel("pig")).spec
    piglet = open_spiel.games(OpenSpiel("pig", {"piglet": True})).spec
    assert (plain.observation, plain.actions) == (piglet.observation, piglet.actions)
    assert plain.schema_hash != piglet.schema_hash


def test_with_hidden_cards_a_player_sees_its_information_state() -> None:
    """It holds what was bet before, which an equilibrium needs."""
    game = kuhn().new(3)
    game.apply(1)
    seen = game.observation(1)
    np.testing.assert_array_equal(seen, game.state.information_state_tensor(1))


def test_every_information_state_looks_different() -> None:
    """All twelve can be distinguished, so a policy over observations can be an equilibrium."""
    games = kuhn()
    looks: dict[str, set[bytes]] = {}
    for seed in range(60):
        for line in ([], [0], [1], [0, 1]):
            game = games.new(seed)
            for action in line:
                game.apply(action)
            player = game.current_player
            name = game.state.information_state_string(player)
            looks.setdefault(name, set()).add(game.observation(player).tobytes())
    assert len(looks) == 12
    assert len(set().union(*looks.values())) == 12


def test_the_bound_of_rewards_is_the_games_own() -> None:
    """At most two chips change hands."""
    assert kuhn().spec.reward_bound == 2.0


def test_nobody_sees_the_card_of_the_other() -> None:
    """With the same own card all six deals look alike at the first move."""
    games = kuhn()
    by_own_card: dict[tuple[int, int], set[bytes]] = {}
    dealt = set()
    for seed in range(60):
        game = games.new(seed)
        dealt.add(cards(game))
        for player in (0, 1):
            own = cards(game)[player]
            by_own_card.setdefault((player, own), set()).add(game.observation(player).tobytes())
    assert len(dealt) == 6
    assert all(len(seen) == 1 for seen in by_own_card.values())


def test_chance_is_drawn_as_often_as_the_game_says() -> None:
    """Each of three cards comes to player 0 in a third of the games, give or take a fifth."""
    games = kuhn()
    firsts = [cards(games.new(seed))[0] for seed in range(900)]
    assert all(240 < firsts.count(card) < 360 for card in (0, 1, 2))


def test_after_a_move_chance_has_played_already() -> None:
    """Leduc deals a card between its rounds; it is always a player's turn."""
    games = open_spiel.games(OpenSpiel("leduc_poker"))
    for seed in range(20):
        game = games.new(seed)
        while not game.is_terminal:
            assert game.current_player in (0, 1)
            game.apply(1)


def test_a_clone_has_the_same_chance_before_it() -> None:
    """The dice of a game and of its clone fall alike."""
    game = open_spiel.games(OpenSpiel("pig")).new(5)
    clone = game.clone()
    for _ in range(6):
        game.apply(0)
    for _ in range(6):
        clone.apply(0)
    assert game.render() == clone.render()


def test_numbers_beyond_the_bound_are_compressed() -> None:
    """Mancala counts up to 48 seeds; its spec says that they are compressed."""
    games = open_spiel.games(OpenSpiel("mancala"))
    game = games.new(0)
    moves = np.random.default_rng(0)
    while not game.is_terminal:
        game.apply(int(moves.choice(game.legal_actions())))
    assert max(game.state.observation_tensor(0)) > 8
    assert game.observation(0).max() <= 8
    assert games.spec.version.split()[3] == "log"


def test_an_action_is_described_in_the_words_of_openspiel() -> None:
    """For people who watch."""
    games = kuhn()
    assert games.describe(games.new(0), 1) == "Bet"


REFUSED = {
    "no such game": (OpenSpiel("conect_four"), "did you mean connect_four?"),
    "no such parameter": (OpenSpiel("hex", {"size": 5}), "it has board_size, num_cols"),
    "a text for a number": (OpenSpiel("hex", {"board_size": "5"}), "must be an integer, as 11"),
    "true for a number": (OpenSpiel("hex", {"board_size": True}), "must be an integer"),
    "a board of no size": (OpenSpiel("hex", {"board_size": -3}), "shape [9, -3, -3]"),
    "a board beyond all size": (OpenSpiel("hex", {"board_size": 500}), "at most 65536"),
    "found at the first state": (OpenSpiel("breakthrough", {"rows": 1}), "with rows 1: rows_ > 1"),
    "a bracket that is open": (OpenSpiel("hex(board_size=5"), "Missing closing bracket"),
    "parameters twice": (OpenSpiel("hex(swap=True)", {"swap": True}), "in brackets already"),
    "three players": (OpenSpiel("kuhn_poker", {"players": 3}), "set its parameter players to 2"),
    "one player": (OpenSpiel("solitaire"), "games for two"),
    "at the same time": (
        OpenSpiel("goofspiel"),
        "turn_based_simultaneous_game(game=goofspiel())",
    ),
    "rewards before the end": (OpenSpiel("hanabi"), "rewards moves before the end"),
    "chance of its own": (OpenSpiel("negotiation"), "no seed repeats a game"),
    "nothing to see": (OpenSpiel("coin_game"), "has no tensor of what a player sees"),
    "too many actions": (OpenSpiel("chess"), "has 4674 actions: a vocabulary has 1 to 2048"),
    "a game is missing in it": (OpenSpiel("misere"), "Missing parameter game"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_a_game_that_cannot_be_had_is_refused_with_a_remedy(fault) -> None:
    """One sentence, and no process that ends."""
    config, expected = REFUSED[fault]
    with pytest.raises(UnknownEnvironment) as caught:
        open_spiel.games(config)
    assert expected in str(caught.value)


def test_the_remedy_for_moves_at_the_same_time_is_one() -> None:
    """What the sentence proposes can be played."""
    config = OpenSpiel("turn_based_simultaneous_game(game=goofspiel(num_cards=4))")
    game = open_spiel.games(config).new(0)
    assert game.current_player == 0


def test_a_missing_library_names_its_extra(monkeypatch) -> None:
    """The sentence is the command to type."""
    monkeypatch.setitem(__import__("sys").modules, "pyspiel", None)
    with pytest.raises(UnknownEnvironment, match=r"trainingrun-environments\[open-spiel\]"):
        open_spiel.games(OpenSpiel("hex"))
