"""A daemon on a socket, held against every vector of this folder.

Nothing here knows our engine: set FORGE_DAEMON=host:port to hold another daemon against them. The
reference engine must support every extension; another daemon need not.
"""

import os

import pytest
from trainingrun.commands.daemons.addresses import Address
from trainingrun.commands.daemons.vectors import hold_against
from trainingrun_protocol.access import Token
from trainingrun_protocol.conformance.library import shipped_vectors
from trainingrun_protocol.conformance.replay import Outcome
from trainingrun_protocol.conformance.script import Vector


@pytest.mark.parametrize("vector", shipped_vectors(), ids=lambda vector: vector.name)
def test_the_daemon_keeps_the_protocol(
    address: tuple[str, int], token: Token | None, vector: Vector
) -> None:
    """What the vector says, in its own words."""
    verdict = hold_against(Address(*address), vector, token=token)
    if verdict.outcome is Outcome.NOT_SUPPORTED and "FORGE_DAEMON" in os.environ:
        pytest.skip(f"not supported: {verdict.text}")
    assert verdict.outcome is Outcome.OK, f"{vector.source}:{verdict.line}: {verdict.text}"
