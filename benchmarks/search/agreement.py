"""How often networks of AlphaZero agree with a perfect player of Connect Four, over their training.

For each checkpoint of a run, in order: the share of a thousand held-out positions in which the move
is one of the best, chosen by the network alone and by searches with it. ``search/ladder.py`` says
what searches without a network reach.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from trainingrun.commands.checkpoint.contents import MANIFEST_FILE
from trainingrun.commands.errors import UserError
from trainingrun_actor_commands.play.networks import Network, read_network
from trainingrun_contracts.alphazero_config import SearchConfig
from trainingrun_contracts.environment_config import BuiltIn
from trainingrun_contracts.search_players import MOST_SIMULATIONS
from trainingrun_contracts.weights import WeightsError
from trainingrun_environments.registry import games_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.matches import GreedyPlayer, Player, measured_settings, searching_player

from benchmarks import measuring
from benchmarks.measuring import report, tell
from testkit.connect_four.labelled import Labelled, labelled_positions

CONNECT_FOUR = BuiltIn("connect_four")
PLACES = 125
"""Positions that are searched at once."""


def main() -> int:
    parser = measuring.parser(
        __doc__ or "",
        examples=(
            "python -m benchmarks.search.agreement .trainingrun/four/checkpoints",
            "python -m benchmarks.search.agreement policy.safetensors --simulations 50 400",
        ),
    )
    parser.add_argument(
        "place", type=Path, help="a run's checkpoints, one of them, or a published network's file"
    )
    parser.add_argument(
        "--simulations",
        type=simulations,
        nargs="*",
        default=[50],
        help=f"of searches, 1 to {MOST_SIMULATIONS} [%(default)s]",
    )
    options = parser.parse_args()
    positions = labelled_positions()
    curve: list[dict[str, Any]] = []
    try:
        found = list(networks(options.place))
    except (UserError, WeightsError, OSError) as error:
        parser.error(str(error))
    for network in found:
        row: dict[str, Any] = {"checkpoint": network.name, "step": network.step}
        row["training_games"] = network.training_games
        row["network"] = share(
            GreedyPlayer(network.games, network.evaluator, places=PLACES), positions
        )
        for number in options.simulations:
            row[f"simulations_{number}"] = share(searcher(network, number), positions)
        tell(str(row))
        curve.append(row)
    if not curve:
        parser.error(f"{options.place}: no checkpoint and no network is there")
    figures = {"positions": len(positions), "curve": curve}
    return report("search/agreement", figures=figures, ratios={}, goals=[])


def simulations(text: str) -> int:
    """A number of simulations, for argparse."""
    number = measuring.positive(text)
    if number > MOST_SIMULATIONS:
        raise argparse.ArgumentTypeError(f"{text} is above {MOST_SIMULATIONS}")
    return number


def networks(place: Path) -> Iterator[Network]:
    """The networks of a place, the oldest first."""
    if place.is_file():
        games = games_of(CONNECT_FOUR)
        found = BoardPolicy.from_bytes(place.read_bytes(), games.spec)
        yield Network(place.name, found.version, 0, games, found, SearchConfig())
        return
    manifests = [place / MANIFEST_FILE, *place.glob(f"[!.]*/{MANIFEST_FILE}")]
    folders = [each.parent for each in manifests if each.is_file()]
    found_here = [
        read_network(each, environment=CONNECT_FOUR, is_trusted=False) for each in folders
    ]
    yield from sorted(found_here, key=lambda network: network.step)


def searcher(network: Network, number: int) -> Player:
    """A search with the network as its run searches."""
    config = replace(network.search or SearchConfig(), simulations=number)
    settings = measured_settings(config)
    return searching_player(network.games, network.evaluator, settings, places=PLACES)


def share(player: Player, positions: Sequence[Labelled]) -> float:
    """The share of positions in which a player chooses one of the best moves."""
    agreed = 0
    for begin in range(0, len(positions), PLACES):
        asked = positions[begin : begin + PLACES]
        for place, each in enumerate(asked):
            player.ask(place, each.game(), seed=0)
        left = len(asked)
        while left:
            for place, action in player.advance():
                agreed += action in asked[place].best
                left -= 1
    return round(agreed / len(positions), 4)


if __name__ == "__main__":
    sys.exit(main())
