"""Scripted players and potentials of a package: found by name, and refused with a sentence."""

from __future__ import annotations

from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
from trainingrun_contracts.environment_config import BuiltIn, Magic
from trainingrun_contracts.own_parts import OPPONENTS, POTENTIALS, PartFault, UnknownPart
from trainingrun_environments.errors import UnknownPlayer
from trainingrun_environments.players import players_of
from trainingrun_environments.potentials import potential_of
from trainingrun_environments.registry import environment_of

from testkit.own_package import write_package

SOURCE = """
class Last:
    def choose(self, question, random):
        return len(question.options) - 1

class OfChess(Last):
    environments = ("chess",)

class Far:
    def choose(self, question, random):
        return 7

class Failing:
    def choose(self, question, random):
        raise KeyError("no\\nboard")

class Mute:
    pass

class Unmade(Last):
    def __init__(self, strength):
        pass

class Lead:
    def worth(self, question):
        return question.own, question.other

TABLE = 3
"""
OURS = environment_of(BuiltIn("connect_four"))
QUESTION = SimpleNamespace(options=(4, 5, 6), own=0.5, other=0.25)


@pytest.fixture(autouse=True)
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with players and a potential, some of no use."""
    players = ("Last", "OfChess", "Far", "Failing", "Mute", "Unmade", "TABLE", "Absent")
    named = {name.lower(): f"own_players_here:{name}" for name in players}
    named |= {"random": "own_players_here:Last", "away": "own_players_nowhere:Last"}
    parts = {
        "trainingrun.opponents": named,
        "trainingrun.potentials": {"lead": "own_players_here:Lead", "mute": named["mute"]},
    }
    write_package(tmp_path, parts, {"own_players_here": SOURCE})
    monkeypatch.syspath_prepend(tmp_path)


def test_a_players_choice_is_that_of_the_package() -> None:
    """Each game has a player of its own."""
    made = players_of(OURS, ["last", "engine"])
    assert set(made) == {"last"}
    assert made["last"]().choose(QUESTION, Random(1)) == 2
    assert made["last"]() is not made["last"]()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "lost",
            "no scripted opponent is called 'lost': installed are random, aggressive, engine,"
            " absent, away, ",
        ),
        ("lost", "a package adds one by an entry point of the group trainingrun.opponents"),
        ("random", "'random' is one of TrainingRun's, and own_players_here:Last has the same name"),
        ("away", r"\(own_players_nowhere:Last\) cannot be imported: ModuleNotFoundError"),
        ("absent", "cannot be imported: AttributeError"),
        ("mute", "'mute' .* has no method choose"),
        ("unmade", "cannot be made: TypeError: .*strength"),
        ("table", "is neither a class nor a function"),
        ("ofchess", "is for chess, and this is connect_four"),
    ],
)
def test_a_player_that_cannot_be_had_is_refused(name: str, sentence: str) -> None:
    """The sentence says which, why, and which there are."""
    with pytest.raises(UnknownPart, match=sentence):
        players_of(OURS, [name])


def test_a_player_of_magic_stays_magics() -> None:
    """Also where packages may add players."""
    with pytest.raises(UnknownPlayer, match="connect_four has no player 'aggressive'"):
        players_of(OURS, ["aggressive"])
    assert "aggressive" in players_of(environment_of(Magic()), ["aggressive"])


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("far", "'far' chose 7, and the options are 0 to 2"),
        ("failing", "'failing' failed: KeyError: 'no.*board'$"),
    ],
)
def test_a_player_that_fails_costs_its_game(name: str, sentence: str) -> None:
    """One line, whatever the player's own words are."""
    player = players_of(OURS, [name])[name]()
    with pytest.raises(PartFault, match=sentence):
        player.choose(QUESTION, Random(1))


def test_a_potential_is_the_weighted_difference() -> None:
    """Bounded, a whole multiple of 2^-16, and the opposite for the other seat."""
    potential = potential_of(OURS, {"lead": 0.1})
    turned = SimpleNamespace(own=QUESTION.other, other=QUESTION.own)
    assert potential(QUESTION) == pytest.approx(0.025, abs=2**-16)
    assert potential(turned) == -potential(QUESTION)
    assert (potential(QUESTION) * 2**16).is_integer()
    assert potential_of(OURS, {"lead": 1.0})(SimpleNamespace(own=1, other=-1)) == 1.0


def test_a_potential_of_weight_0_is_not_asked() -> None:
    """A name that is nowhere does no harm then."""
    assert potential_of(OURS, {"gone": 0.0})(QUESTION) == 0.0


@pytest.mark.parametrize(
    ("own", "sentence"),
    [
        (float("nan"), "'lead' says nan and 0.25: return two finite numbers"),
        (1.5, "'lead' says 1.5 and 0.25"),
        ("high", "'lead' failed: ValueError"),
    ],
)
def test_a_potential_that_is_no_number_within_bounds_costs_the_game(
    own: object, sentence: str
) -> None:
    """Nothing of it reaches the rewards."""
    with pytest.raises(PartFault, match=sentence):
        potential_of(OURS, {"lead": 0.1})(SimpleNamespace(own=own, other=0.25))


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("gone", "no potential is called 'gone': installed are life, board, cards, lead, mute"),
        ("life", "connect_four has no potential 'life'"),
        ("mute", "has no method worth"),
    ],
)
def test_a_potential_that_cannot_be_had_is_refused(name: str, sentence: str) -> None:
    """The sentence says which there are, or what is missing."""
    with pytest.raises(UnknownPart, match=sentence):
        potential_of(OURS, {name: 0.1})


def test_a_part_that_is_there_twice_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which of the two is meant would depend on the machine."""
    parts = {"trainingrun.potentials": {"lead": "own_players_here:Other"}}
    write_package(tmp_path / "more", parts, {}, name="more")
    monkeypatch.syspath_prepend(tmp_path / "more")
    with pytest.raises(UnknownPart, match=r"'lead' is there twice, as .*:Other and .*:Lead"):
        POTENTIALS.find("lead")
    assert OPPONENTS.find("last").value == "own_players_here:Last"
