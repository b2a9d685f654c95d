"""The decisions and answers of one connection, in the one form.

The dialect follows from the lines: behind the first one in the form of our own daemon, nothing is
translated, checked or counted.
"""

from __future__ import annotations

from trainingrun_protocol.decisions import (
    Decision,
    DecisionType,
    decode_decision,
    decode_own_form,
)
from trainingrun_protocol.dialects.translation import is_own_form
from trainingrun_protocol.dialogue.blocks import legal_blocks
from trainingrun_protocol.dialogue.loops import LoopBreaker


class Dialogue:
    """Reads the questions of one connection and checks the answers; games follow one another.

    ::

        decision = dialogue.read(line.raw)
        response = dialogue.forced_answer(decision)
        if response is None:
            response = dialogue.checked(decision, …)  # the seat's answer
    """

    __slots__ = ("_is_own_form", "_loops", "broken_loops")

    def __init__(self) -> None:
        self._is_own_form = False
        self._loops = LoopBreaker()
        self.broken_loops = 0
        """How many answers were given in the place of a seat that repeats itself."""

    def begin_game(self) -> None:
        """Forget the questions of the game before."""
        if not self._is_own_form:
            self._loops = LoopBreaker()

    def read(self, raw: bytes) -> Decision:
        """Decode a DECISION line; raises DecisionError with the path of the problem."""
        if self._is_own_form:
            return decode_own_form(raw)
        self._is_own_form = is_own_form(raw)
        return decode_decision(raw)

    def forced_answer(self, decision: Decision) -> str | None:
        """Return the answer where the seat is not asked, because it repeats itself."""
        if self._is_own_form:
            return None
        response = self._loops.answer_to(decision)
        self.broken_loops += response is not None
        return response

    def checked(self, decision: Decision, response: str) -> str:
        """Return the line to send for a seat's answer."""
        if self._is_own_form:
            return response
        self._loops.note(decision, response)
        if decision.decision_type is DecisionType.DECLARE_BLOCKERS:
            return legal_blocks(decision, response)
        return response
