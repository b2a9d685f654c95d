"""The page with a call of every method of a league has every method, each with a success."""

import re

from trainingrun_contracts.league.v1 import (
    elo_pb2,
    game_pb2,
    matchmaker_pb2,
    model_pb2,
    replay_pb2,
)

from testkit.tree import ROOT

PAGE = ROOT / "docs/reference/league-rpc-transcript.md"
FILES = (elo_pb2, game_pb2, matchmaker_pb2, model_pb2, replay_pb2)


def test_every_method_of_the_services_is_called_with_success() -> None:
    """Expect a method that is added to be called by ``docs.site.league_transcript``, too."""
    wanted = {
        f"{service.name.removesuffix('Service')}.{method.name}"
        for file in FILES
        for service in file.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }
    calls = re.findall(r"^\w+> (\w+\.\w+) .*\n(.*)$", PAGE.read_text(), re.MULTILINE)
    assert len(wanted) > 30
    assert {method for method, answer in calls if answer.startswith("{")} == wanted


def test_no_secret_of_a_league_stands_in_the_page() -> None:
    """Expect tokens to be shortened."""
    assert not re.search(r'[Tt]oken(s)?": \[?"[\w-]{43}', PAGE.read_text())
