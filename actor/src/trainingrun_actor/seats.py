"""Who sits at the table: a policy (recorded or not) or a scripted agent.

All seats answer a decision by the same loop and differ in who chooses. A policy takes its weights
at the start of each segment and keeps them to its end. Questions with one option are answered
without anybody and are no transitions.

A seat is asked in two ways: by the line of a decision, which waits for its answer, or, where the
games are in this process, by a question alone: then ``ask`` says what the policy is to be asked, so
that many games are put to it at once, and ``note`` hears what it chose.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Protocol, TypeAlias

from trainingrun_environments.agents import Agent
from trainingrun_environments.potentials import Potential
from trainingrun_environments.seam import Decision, Environment, Question

from trainingrun_actor.inference import Inference
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policy import Choice, Policy, Request
from trainingrun_actor.recorder import Recorder

Choose: TypeAlias = Callable[[Question], Awaitable[int]]
"""Gives the position of an option; only asked when there are at least two."""


class Weights(Protocol):
    """Where a seat gets its weights at the start of a segment."""

    @property
    def at_hand(self) -> Policy | None:
        """Those to take now; None where they must be waited for."""

    async def fresh(self) -> Policy:
        """Wait for them."""


async def answer_by(environment: Environment, choose: Choose, decision: Decision) -> str:
    """Return the answer line to a decision, each of its questions put to ``choose``."""
    answer = environment.answering(decision)
    while (question := answer.question) is not None:
        is_forced = len(question.options) == 1
        answer.choose(0 if is_forced else await choose(question))
    return answer.response


class ScriptedSeat:
    """A scripted agent."""

    is_overheard = False

    def __init__(self, environment: Environment, agent: Agent, random: Random) -> None:
        self._environment = environment
        self._agent = agent
        self._random = random

    async def answer(self, decision: Decision) -> str:
        """Let the agent choose at every question."""
        return await answer_by(self._environment, self._choose, decision)

    async def _choose(self, question: Question) -> int:
        return self.ask(question)

    def ask(self, question: Question) -> int:
        """See Seat."""
        return self._agent.choose(question, self._random)

    def note(self, request: Request, choice: Choice) -> None:
        """Nothing to keep."""

    async def ready(self) -> None:
        """See Seat: it always is."""

    def finish(self, reward: float | None) -> None:
        """Nothing to keep."""


class PolicySeat:
    """A policy that is not recorded: an opponent, or the one under evaluation.

    With ``random`` it samples; without, it takes the likeliest option.
    """

    is_overheard = False

    def __init__(
        self,
        environment: Environment,
        inference: Inference,
        policy: Policy,
        *,
        random: Random | None,
        metrics: PlayMetrics,
    ) -> None:
        self._environment = environment
        self._inference = inference
        self._policy = policy
        self._random = random
        self._metrics = metrics
        self._encoder = environment.new_encoder()

    async def answer(self, decision: Decision) -> str:
        """Let the policy choose at every question."""
        return await answer_by(self._environment, self._choose, decision)

    async def _choose(self, question: Question) -> int:
        request = self.ask(question)
        with self._metrics.waiting("inference"):
            choice = await self._inference.choose(request)
        return choice.position

    def ask(self, question: Question) -> Request:
        """See Seat."""
        draw = None if self._random is None else self._random.random()
        return Request(self._policy, self._encoder.encode(question), draw)

    def note(self, request: Request, choice: Choice) -> None:
        """Nothing to keep."""

    async def ready(self) -> None:
        """See Seat: it always is."""

    def finish(self, reward: float | None) -> None:
        """Nothing to keep."""


class LearnerSeat:
    """The newest policy, sampled, every step recorded for training."""

    is_overheard = False

    def __init__(
        self,
        environment: Environment,
        inference: Inference,
        weights: Weights,
        recorder: Recorder,
        *,
        random: Random,
        metrics: PlayMetrics,
        potential: Potential,
    ) -> None:
        self._environment = environment
        self._potential = potential
        self._inference = inference
        self._weights = weights
        self._recorder = recorder
        self._random = random
        self._metrics = metrics
        self._encoder = environment.new_encoder()

    async def answer(self, decision: Decision) -> str:
        """Choose by the policy and record."""
        return await answer_by(self._environment, self._choose, decision)

    async def _choose(self, question: Question) -> int:
        while (request := self.ask(question)) is None:
            await self.ready()
        with self._metrics.waiting("inference"):
            choice = await self._inference.choose(request)
        self.note(request, choice)
        return choice.position

    def ask(self, question: Question) -> Request | None:
        """See Seat; a segment that is full, or old, ends here."""
        observation = self._encoder.encode(question)
        self._recorder.before_step(observation.state, self._potential(question))
        policy = self._recorder.policy or self._weights.at_hand
        return None if policy is None else Request(policy, observation, self._random.random())

    def note(self, request: Request, choice: Choice) -> None:
        """Record the step."""
        self._recorder.add(request.policy, request.observation, choice)

    async def ready(self) -> None:
        """See Seat."""
        await self._weights.fresh()

    def finish(self, reward: float | None) -> None:
        """Give the segment its outcome, or forget it."""
        if reward is None:
            self._recorder.abandon()
        else:
            self._recorder.finish(reward)
