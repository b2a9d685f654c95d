"""Published weights of AlphaZero as something that values positions."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Final

from msgspec import Struct
from trainingrun_contracts.alphazero_config import AlphaZeroConfig
from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_contracts.weights import WeightsError
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.games import Games
from trainingrun_environments.symmetries import symmetries_of
from trainingrun_search.board_policy import BoardPolicy
from trainingrun_search.evaluators import Answer, Cached, Evaluator, Request, Symmetric

CACHE_BYTES: Final = 16 * 1024 * 1024
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


def local_evaluator(
    policy: BoardPolicy,
    games: Games,
    config: AlphaZeroConfig,
    *,
    seed: int,
    note: NoteEvaluation = lambda _positions, _seconds: None,
) -> Evaluator:
    """Return what values positions in this process by one publication's weights.

    The cache is outside of the symmetries: a position that comes again has its answer at once, in
    the symmetry that was drawn for it. It begins empty with each publication. ``note`` hears what
    the network itself was asked.
    """
    found: Evaluator = Timed(policy, note)
    symmetries = symmetries_of(games)
    if config.search.symmetries and len(symmetries) > 1:
        found = Symmetric(found, symmetries, seed=seed)
    return Cached(found, entries=cache_entries(games.spec))


def cache_entries(spec: EnvironmentSpec) -> int:
    """Return how many answers may be kept; observations count as float32, the widest there are."""
    return max(1, CACHE_BYTES // (_ENTRY_BYTES + 4 * (spec.state_width + spec.action_inputs)))
