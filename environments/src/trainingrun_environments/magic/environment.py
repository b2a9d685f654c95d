"""Magic as an environment of an actor."""

from __future__ import annotations

from typing import Final

from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_protocol.decisions import Decision
from trainingrun_protocol.dialogue.reader import Dialogue
from trainingrun_protocol.tapes import TapeMove

from trainingrun_environments.agents import Agents
from trainingrun_environments.magic.answering import Answering, answering
from trainingrun_environments.magic.encoder import Encoder
from trainingrun_environments.magic.opponents import AGENTS
from trainingrun_environments.magic.options import Question
from trainingrun_environments.magic.potential import LEADS
from trainingrun_environments.magic.showing import shown
from trainingrun_environments.magic.spec import SPEC
from trainingrun_environments.seam import Leads, Shown


class MagicEnvironment:
    """Magic by a Forge daemon."""

    @property
    def spec(self) -> EnvironmentSpec:
        """See Environment."""
        return SPEC

    @property
    def agents(self) -> Agents:
        """See Environment."""
        return AGENTS

    @property
    def leads(self) -> Leads:
        """See Environment."""
        return LEADS

    def new_dialogue(self) -> Dialogue:
        """See Environment."""
        return Dialogue()

    def answering(self, decision: Decision) -> Answering:
        """See Environment."""
        return answering(decision)

    def tape_entry(self, decision: Decision, answer: str) -> TapeMove:
        """See Environment: the whole decision."""
        return TapeMove(answer, decision)

    def new_encoder(self) -> Encoder:
        """See Environment."""
        return Encoder()

    def show(self, question: Question) -> Shown:
        """See Environment; an option's number is its place."""
        return shown(question)


MAGIC: Final = MagicEnvironment()
