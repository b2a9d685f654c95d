"""What holds for all cards together: each is tested, and those without text are what they seem."""

from pathlib import Path

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS

TESTS = Path(__file__).parents[1]


def test_every_card_is_named_in_a_test() -> None:
    """A card that no test names is a card that no one has tried."""
    tests = "\n".join(path.read_text("utf-8") for path in TESTS.rglob("test_*.py"))
    fronts = {face.name: face.name.split(" // ")[0] for face in KNOWN_CARDS.values()}
    assert [name for name, front in fronts.items() if front not in tests] == []


@pytest.mark.parametrize(
    ("name", "land", "size"),
    [("Merfolk of the Pearl Trident", "Island", (1, 1)), ("Coral Merfolk", "Island", (2, 1))],
)
def test_plain_merfolk_are_cast_and_fight(table, name: str, land: str, size) -> None:
    """A creature without text comes to the battlefield with its size and attacks a turn later."""
    table.put(0, land, land)
    merfolk = table.hold(0, name)
    table.act(name)
    assert (merfolk.power, merfolk.toughness) == size
    merfolk.is_sick = False
    table.fight((merfolk,))
    assert table.bob.life == 20 - size[0]
