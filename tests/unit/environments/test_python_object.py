"""The user's own class: what it may leave out, and one sentence for each fault."""

import copy
import random

import numpy as np
import pytest
from trainingrun_contracts.environment_config import Python
from trainingrun_environments import python_object
from trainingrun_environments.errors import UnknownEnvironment


class Race:
    """The first to go three steps wins; a step is 1 or 2 long. As short as a game can be."""

    observation_shape = (2,)
    actions = 2

    def __init__(self, seed):
        self.steps = [0, 0]
        self.current_player = 0
        self.is_terminal = False
        self.returns = (0.0, 0.0)

    def legal_actions(self):
        """Both steps, in no order."""
        return [1, 0]

    def apply(self, action):
        """Go."""
        self.steps[self.current_player] += action + 1
        if self.steps[self.current_player] >= 3:
            self.is_terminal = True
            self.returns = (1.0, -1.0) if self.current_player == 0 else (-1.0, 1.0)
        self.current_player = 1 - self.current_player

    def observation(self, player):
        """Own steps, and the other's."""
        return [self.steps[player], self.steps[1 - player]]


class CopiedRace(Race):
    """One that can be cloned."""

    clone = copy.deepcopy


def changed(**members):
    """Return the class with other members."""
    return type("Game", (Race,), members)


def test_the_smallest_class_is_enough() -> None:
    """Lists become arrays."""
    game = python_object.games_of_class(Race).new(0)
    game.apply(1)
    np.testing.assert_array_equal(game.observation(1), np.array([0, 2], np.float32))


def test_what_is_left_out_has_its_default() -> None:
    """Version 1, rewards up to 1, no search."""
    spec = python_object.games_of_class(Race).spec
    assert (spec.version, spec.reward_bound, spec.is_forkable) == ("1", 1.0, False)


def test_a_class_with_clone_is_forkable() -> None:
    """The method says so."""
    copied = changed(clone=copy.deepcopy)
    assert python_object.games_of_class(copied).spec.is_forkable


def test_legal_actions_may_come_in_any_order() -> None:
    """They go out ascending."""
    assert python_object.games_of_class(Race).new(0).legal_actions() == [0, 1]


def test_an_action_is_described_in_the_words_of_the_class() -> None:
    """Where it has words."""
    games = python_object.games_of_class(changed(describe=lambda _, action: f"go {action + 1}"))
    assert games.describe(games.new(0), 1) == "go 2"


def is_terminal(self):
    """A method where a value should be."""
    return True


def fails(self, action):
    """Raise."""
    raise ZeroDivisionError("oops")


def always(value):
    """Return a function of anything that returns the value."""
    return lambda *_: value


def stays(value):
    """Return an attribute that nothing changes."""
    return property(always(value), always(None))


def nowhere(self):
    """Raise as an attribute that there is not."""
    raise AttributeError


FAULTS = {
    "no shape": ({"observation_shape": None}, "no class attribute observation_shape"),
    "a shape of text": ({"observation_shape": "33"}, "must be integers, as (3, 3, 3)"),
    "a shape without a size": ({"observation_shape": ()}, "needs one to 4 sizes"),
    "no actions": ({"actions": None}, "no class attribute actions"),
    "actions of text": ({"actions": "9"}, "must be the number of actions"),
    "too many actions": ({"actions": 5000}, "a vocabulary has 1 to 2048"),
    "version of a number": ({"version": 2}, "must be a short text, as '1'"),
    "bound of nothing": ({"reward_bound": 0}, "must be a number above 0"),
    "no method": ({"legal_actions": None}, "it has no method legal_actions"),
    "no value": ({"is_terminal": property(nowhere, always(None))}, "a new game has no is_terminal"),
    "a method for a value": (
        {"__init__": always(None), "current_player": 0, "is_terminal": is_terminal},
        "is_terminal is a method: make it a property",
    ),
    "over at first": (
        {"is_terminal": stays(True)},
        "over before the first move",
    ),
    "a player of none": (
        {"current_player": stays(2)},
        "current_player is 2 after 0 moves: it must be 0 or 1",
    ),
    "nothing is legal": ({"legal_actions": always([])}, "legal_actions() is empty"),
    "beyond the vocabulary": ({"legal_actions": always([0, 2])}, "has 2 after 0 moves"),
    "an action of text": (
        {"legal_actions": always(["a"])},
        "legal_actions() after 0 moves: 'str' object",
    ),
    "an action twice": ({"legal_actions": always([1, 1])}, "an action twice"),
    "another shape": ({"observation": always([0.0])}, "has the shape [1]"),
    "no numbers": ({"observation": always(["x", "y"])}, "is no array of numbers"),
    "not a number": (
        {"observation": always([0.0, float("nan")])},
        "observation(0) after 0 moves holds a number that is not finite",
    ),
    "beyond the bound": ({"observation": always([0, -99])}, "holds 99: scale"),
    "never ends": ({"apply": always(None)}, "did not end in 10000 moves"),
    "returns of one": (
        {"returns": stays(1.0)},
        "two numbers",
    ),
    "returns beyond": ({"reward_bound": 0.5}, "beyond reward_bound, which is 0.5"),
    "chance from elsewhere": (
        {"observation": lambda *_: [random.random(), 0]},
        "the same seed and actions give another game",
    ),
    "a clone of nothing": (
        {"clone": lambda self: type(self)(0)},
        "gives a game whose observations differ",
    ),
    "a clone that is the game": (
        {"clone": lambda self: self},
        "changes the game that was cloned",
    ),
    "an error in it": ({"apply": fails}, "ZeroDivisionError: oops"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_one_sentence(fault) -> None:
    """Found by one random game, before the first is played."""
    members, expected = FAULTS[fault]
    with pytest.raises(UnknownEnvironment) as caught:
        python_object.games_of_class(changed(**members))
    assert expected in str(caught.value)


def test_an_error_in_the_class_names_its_line() -> None:
    """The user's file, not ours."""
    line = fails.__code__.co_firstlineno + 2
    with pytest.raises(UnknownEnvironment, match=rf"test_python_object.py, line {line}\)"):
        python_object.games_of_class(changed(apply=fails))


MODULES = {
    "a syntax error": ("x = (", "cannot be imported: SyntaxError", "line 1"),
    "an error at import": ("\n\n1 / 0", "ZeroDivisionError: division by zero", "line 3"),
    "a module that it needs": ("import nowhere", "No module named 'nowhere'", "line 1"),
    "another name": ("class Gaem: ...", "has no 'Game'", ""),
    "no class": ("Game = 3", "3 is no class", ""),
}


@pytest.mark.parametrize("fault", MODULES)
def test_a_module_that_cannot_be_imported_names_the_line(fault, tmp_path, monkeypatch) -> None:
    """The user's file again."""
    text, *expected = MODULES[fault]
    name = f"written_{list(MODULES).index(fault)}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UnknownEnvironment) as caught:
        python_object.games(Python(f"{name}:Game"))
    assert all(each in str(caught.value) for each in expected)


def test_a_module_that_is_not_installed_says_what_to_do() -> None:
    """Most likely its package is not installed."""
    with pytest.raises(UnknownEnvironment, match="pip install -e"):
        python_object.games(Python("nowhere.game:Game"))


@pytest.mark.parametrize("text", ["nim", "nim:", ":Game", "nim:a.b"])
def test_the_name_of_the_class_has_its_form(text) -> None:
    """A module, a colon, a class."""
    with pytest.raises(UnknownEnvironment, match="write it as package"):
        python_object.games(Python(text))


class Mirrored(Race):
    """Two heaps that are alike: the first to empty one wins. Left and right may change over."""

    observation_shape = (2,)
    actions = 2
    symmetries = (([1, 0], [1, 0]),)

    def __init__(self, seed):
        super().__init__(seed)
        self.heaps = [3, 3]

    def apply(self, action):
        """Take one."""
        self.heaps[action] -= 1
        if self.heaps[action] == 0:
            self.is_terminal = True
            self.returns = (1.0, -1.0) if self.current_player == 0 else (-1.0, 1.0)
        self.current_player = 1 - self.current_player

    def observation(self, player):
        """Both heaps."""
        return list(self.heaps)


def test_a_class_may_declare_symmetries() -> None:
    """Expect them after the one that changes nothing."""
    found = python_object.games_of_class(Mirrored).symmetries
    assert [each.actions.tolist() for each in found] == [[0, 1], [1, 0]]
    assert len(python_object.games_of_class(Race).symmetries) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([([0, 0], [1, 0])], "its list of observation must have each number from 0 to 1 once"),
        ([([1, 0], [2, 1])], "its list of actions must have each number"),
        ([3], "write pairs of lists"),
        ([([0, 1], [1, 0])], "symmetry 1 after 1 moves: the image shows something else"),
    ],
)
def test_a_symmetry_that_is_none_is_refused(given, words) -> None:
    """Expect one sentence; a random game finds what the lists alone do not show."""
    wrong = type("Wrong", (Mirrored,), {"symmetries": given})
    with pytest.raises(UnknownEnvironment) as caught:
        python_object.games_of_class(wrong)
    assert words in str(caught.value)
