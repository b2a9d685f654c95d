"""Published weights of AlphaZero as something that values positions."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from msgspec import Struct
from trainingrun_contracts.board_network import multiplications
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.policy_format import Network
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.games import Games
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.evaluators import Answer, Cached, Evaluator, Request, Symmetric

CACHE_BYTES: Final = 16 * 1024 * 1024
_CACHED_FROM: Final = 500_000
"""Multiplications for one position. A cache costs 2 us a position, as full layers of 300,000 do."""
_ENTRY_BYTES: Final = 400
"""Of an answer that is kept, beside its numbers: Python's objects and the entry of the table."""


NoteEvaluation = Callable[[int, float], None]
"""Hears the positions and seconds of each answer, in the thread that searches."""


class Timed:
    """Asks another evaluator, and says how long that took."""

    def __init__(self, evaluator: Evaluator, note: NoteEvaluation) -> None:
        self._evaluator = evaluator
        self._note = note

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        began = perf_counter()
        answer = self._evaluator.evaluate(request)
        self._note(len(request.legal), perf_counter() - began)
        return answer


class PublishedBoard(Struct, frozen=True):
    """The network with the weights of one publication; see ``policies.Published``."""

    policy: BoardPolicy
    pointer: Pointer


class BoardLoader:
    """Reads published weights for an environment; see ``policies.Loader``."""

    def __init__(self, spec: EnvironmentSpec, *, refuse: Callable[[str], None]) -> None:
        """``refuse`` hears why weights are not used."""
        self._spec = spec
        self._refuse = refuse

    def load(self, blob: bytes, pointer: Pointer) -> PublishedBoard:
        """Read published weights; raises WeightsError where they cannot be played with."""
        try:
            policy = BoardPolicy.from_bytes(blob, self._spec, generation=pointer.publish)
        except WeightsError as error:
            self._refuse(str(error))
            raise
        return PublishedBoard(policy, pointer)


def around(
    evaluator: Evaluator,
    games: Games,
    *,
    symmetries: bool,
    is_costly: bool,
    seed: int,
) -> Evaluator:
    """Return what asks an evaluator in symmetries of the game, and once for each position where it
    is costly.

    The cache is outside of the symmetries: a position that comes again has its answer at once, in
    the symmetry that was drawn for it.
    """
    known = symmetries_of(games)
    if symmetries and len(known) > 1:
        evaluator = Symmetric(evaluator, known, seed=seed)
    if not is_costly:
        return evaluator
    return Cached(evaluator, entries=cache_entries(games.spec))


def is_costly(network: Network, spec: EnvironmentSpec) -> bool:
    """Return whether a network costs more than to keep what it said."""
    return multiplications(network, spec) >= _CACHED_FROM


def cache_entries(spec: EnvironmentSpec) -> int:
    """Return how many answers may be kept; observations count as float32, the widest there are."""
    return max(1, CACHE_BYTES // (_ENTRY_BYTES + 4 * (spec.state_width + spec.action_inputs)))
