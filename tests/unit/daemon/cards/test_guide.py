"""The guide to adding a card: its examples fit the engine as it is."""

import re
from pathlib import Path
from typing import Any

from trainingrun_daemon.cards import red_spells
from trainingrun_daemon.rules.effects import pump, removal, targeting
from trainingrun_daemon.rules.enums import Zone
from trainingrun_daemon.rules.model import Card, CardFace

GUIDE = Path(__file__).parents[4] / "docs" / "guides" / "adding-a-card.md"


def blocks() -> list[str]:
    """The Python of the guide, block by block."""
    return re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)


def example(entry: int, *, block: int | None = None) -> CardFace:
    """Make a card of the guide, with the block that it needs."""
    names: dict[str, Any] = {**vars(targeting), **vars(removal), **vars(pump), **vars(red_spells)}
    if block is not None:
        exec(blocks()[block], names)
    (face,) = eval(f"({blocks()[entry]})", names)
    return face


def hold(table, face: CardFace) -> None:
    """Put a card that no module lists into Ann's hand."""
    table.ann.hand.append(Card(table.game.new_id(), face, owner=0, zone=Zone.HAND))


def test_the_simple_card_of_the_guide_works(table):
    """Lava Axe deals 5 damage to a player."""
    table.put(0, *["Mountain"] * 5)
    hold(table, example(0))
    table.act("Lava Axe", table.bob)
    assert table.bob.life == 15


def test_the_new_block_of_the_guide_works(table):
    """Unleash Fury doubles a power that has already grown."""
    table.put(0, "Mountain", "Mountain", "Forest")
    lions = table.put(0, "Savannah Lions")
    table.hold(0, "Giant Growth")
    hold(table, example(3, block=2))
    table.act("Giant Growth", "Unleash Fury")
    assert (lions.power, lions.toughness) == (10, 4)


def test_the_tests_of_the_guide_are_python():
    """Both compile, so that they can be copied."""
    for position in (1, 4):
        compile(blocks()[position], str(GUIDE), "exec")
