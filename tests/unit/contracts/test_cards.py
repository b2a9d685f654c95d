"""The catalogue: the data that ships is what the engine's cards give."""

import pytest
from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_protocol.cards import CardFacts, encode_catalogue, known_cards

from tools.card_catalogue import main


def test_every_card_of_the_engine_is_in_it() -> None:
    """The same cards by name, and facts as printed."""
    catalogue = known_cards()
    assert len(catalogue) == len(KNOWN_CARDS)
    bolt = catalogue.find("lightning BOLT")
    assert bolt is not None
    assert (bolt.cost, bolt.mana_value, bolt.colors, bolt.types) == ("{R}", 1, "R", "Instant")
    assert bolt.power is None
    guide = catalogue.find("Goblin Guide")
    assert guide is not None
    assert (guide.power, guide.toughness, guide.keywords) == (2, 2, ("Haste",))
    mountain = catalogue.find("Mountain")
    assert mountain is not None
    assert mountain.is_land
    assert mountain.makes == "R"


def test_one_card_a_line() -> None:
    """A changed card changes one line of the file."""
    text = encode_catalogue([CardFacts(name="B", types="Instant"), CardFacts(name="A", types="X")])
    assert text == '[\n{"name":"A","types":"X"},\n{"name":"B","types":"Instant"}\n]\n'


def test_a_stale_file_is_told(tmp_path: object, capsys: pytest.CaptureFixture[str]) -> None:
    """Written, it is current; changed, the check fails and says what to do."""
    root = str(tmp_path)
    assert main(["--check", "--into", root]) == 1
    assert "run `make generate`" in capsys.readouterr().err
    assert main(["--into", root]) == 0
    assert main(["--check", "--into", root]) == 0
