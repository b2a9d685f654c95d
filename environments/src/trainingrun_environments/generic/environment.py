"""An environment whose engine sends its own numbers."""

from __future__ import annotations

from trainingrun_contracts.environment_spec import EnvironmentSpec
from trainingrun_protocol.generic import GenericChoice, choice_of, decode_generic

from trainingrun_environments.agents import EVERYWHERE, Agents
from trainingrun_environments.generic.questions import GenericQuestion, QuestionReader
from trainingrun_environments.observation import Observation
from trainingrun_environments.seam import Leads, Shown


class GenericDialogue:
    """Reads generic decisions; there is no other dialect, and nothing is answered for a seat."""

    broken_loops = 0

    def __init__(self, reader: QuestionReader) -> None:
        self._reader = reader

    def begin_game(self) -> None:
        """See Dialogue."""

    def read(self, raw: bytes) -> GenericQuestion:
        """See Dialogue; a decision is its one question."""
        return self._reader.question(decode_generic(raw))

    def forced_answer(self, _decision: GenericQuestion) -> str | None:
        """See Dialogue."""
        return None

    def checked(self, _decision: GenericQuestion, response: str) -> str:
        """See Dialogue."""
        return response


class GenericAnswering:
    """One option out of a list."""

    def __init__(self, question: GenericQuestion) -> None:
        self.question: GenericQuestion | None = question
        self.response = ""

    def choose(self, position: int) -> None:
        """See Answering."""
        assert self.question is not None
        self.response = str(self.question.options[position])
        self.question = None


class GenericEncoder:
    """A question has its arrays already."""

    def encode(self, question: GenericQuestion) -> Observation:
        """See Encoder."""
        return question.observation


class GenericEnvironment:
    """Environment by its spec alone."""

    def __init__(self, spec: EnvironmentSpec) -> None:
        self.spec = spec
        self.agents: Agents = EVERYWHERE
        self.leads: Leads = {}  # without knowledge of a game
        self.reader = QuestionReader(spec)
        self._encoder = GenericEncoder()

    def new_dialogue(self) -> GenericDialogue:
        """See Environment."""
        return GenericDialogue(self.reader)

    def answering(self, decision: GenericQuestion) -> GenericAnswering:
        """See Environment."""
        return GenericAnswering(decision)

    def tape_entry(self, decision: GenericQuestion, answer: str) -> GenericChoice:
        """See Environment; without the line of a decision, its actions have no descriptions."""
        if decision.decision is not None:
            return choice_of(decision.decision, answer)
        actions = dict.fromkeys(decision.options, "")
        return GenericChoice(seat=decision.seat + 1, answer=answer, actions=actions)

    def new_encoder(self) -> GenericEncoder:
        """See Environment."""
        return self._encoder

    def show(self, question: GenericQuestion) -> Shown:
        """See Environment; without the line of a decision, its actions have numbers alone."""
        texts = tuple(map(str, question.options))
        decision = question.decision
        if decision is None:
            return Shown("", question.options, texts)
        described = tuple(
            action.description or text for action, text in zip(decision.actions, texts, strict=True)
        )
        return Shown(decision.message, question.options, described)
