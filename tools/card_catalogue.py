"""Writes what is printed on the cards for readers without the engine.

    python -m tools.card_catalogue [--check] [--into DIRECTORY]

With ``--check`` nothing is written; the exit code is 1 when the file differs from the cards. The
path is below the current directory, which is the repository's root when make calls. Generated and
committed rather than asked of a daemon, because decks are looked at where none runs.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from trainingrun_daemon.cards import KNOWN_CARDS
from trainingrun_daemon.rules.model import CardFace
from trainingrun_protocol.cards import CATALOGUE_FILE, CardFacts, encode_catalogue

FILE: Final = f"protocol/src/trainingrun_protocol/{CATALOGUE_FILE}"


def facts_of(face: CardFace) -> CardFacts:
    """What is printed on a card."""
    is_creature = face.is_creature
    return CardFacts(
        name=face.name,
        cost=face.cost.text,
        mana_value=face.cost.mana_value,
        colors=face.colors,
        types=face.types,
        power=face.power if is_creature else None,
        toughness=face.toughness if is_creature else None,
        loyalty=face.loyalty or None,
        keywords=tuple(sorted(keyword.value for keyword in face.keywords)),
        makes=_colors_made(face),
        text=face.text,
    )


def _colors_made(face: CardFace) -> str:
    made = {color for ability in face.mana for color in ability.colors}
    return "".join(color for color in "WUBRGC" if color in made)


def catalogue() -> str:
    """The text of the file."""
    return encode_catalogue(map(facts_of, KNOWN_CARDS.values()))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or compare the file."""
    parser = argparse.ArgumentParser(description="Write the catalogue of the engine's cards.")
    parser.add_argument("--check", action="store_true", help="only compare; 1 when it differs")
    parser.add_argument("--into", type=Path, default=Path(), help="root of the path (default: .)")
    options = parser.parse_args(arguments)
    file = options.into / FILE
    if options.check:
        if not file.is_file() or file.read_text("utf-8") != catalogue():
            print(f"{FILE} differs from the cards: run `make generate`", file=sys.stderr)
            return 1
        return 0
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(catalogue(), "utf-8")
    print(FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())
