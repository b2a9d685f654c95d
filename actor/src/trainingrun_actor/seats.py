"""Who sits at the table: a policy (recorded or not) or a scripted agent.

All seats answer a decision by the same loop and differ in who chooses. A policy takes its weights
at the start of each segment and keeps them to its end. Questions with one option are answered
without anybody and are no transitions.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from random import Random
from typing import Final, TypeAlias

from trainingrun_contracts.curriculum import Shaping
from trainingrun_environments.agents import Agent
from trainingrun_environments.seam import Decision, Environment, Question

from trainingrun_actor.inference import Inference
from trainingrun_actor.play_metrics import PlayMetrics
from trainingrun_actor.policy import Policy
from trainingrun_actor.recorder import Recorder

Choose: TypeAlias = Callable[[Question], Awaitable[int]]
"""Gives the position of an option; only asked when there are at least two."""


_PLAIN: Final = Shaping()


async def answer_by(environment: Environment, choose: Choose, decision: Decision) -> str:
    """Return the answer line to a decision, each of its questions put to ``choose``."""
    answer = environment.answering(decision)
    while (question := answer.question) is not None:
        is_forced = len(question.options) == 1
        answer.choose(0 if is_forced else await choose(question))
    return answer.response


class ScriptedSeat:
    """A scripted agent."""

    def __init__(self, environment: Environment, agent: Agent, random: Random) -> None:
        self._environment = environment
        self._agent = agent
        self._random = random

    async def answer(self, decision: Decision) -> str:
        """Let the agent choose at every question."""
        return await answer_by(self._environment, self._choose, decision)

    async def _choose(self, question: Question) -> int:
        return self._agent.choose(question, self._random)

    def finish(self, reward: float | None) -> None:
        """Nothing to keep."""


class PolicySeat:
    """A policy that is not recorded: an opponent, or the one under evaluation.

    With ``random`` it samples; without, it takes the likeliest option.
    """

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
        observation = self._encoder.encode(question)
        draw = None if self._random is None else self._random.random()
        with self._metrics.waiting("inference"):
            choice = await self._inference.choose(self._policy, observation, draw=draw)
        return choice.position

    def finish(self, reward: float | None) -> None:
        """Nothing to keep."""


class LearnerSeat:
    """The newest policy, sampled, every step recorded for training."""

    def __init__(
        self,
        environment: Environment,
        inference: Inference,
        weights: Callable[[], Awaitable[Policy]],
        recorder: Recorder,
        *,
        random: Random,
        metrics: PlayMetrics,
        shaping: Shaping = _PLAIN,
    ) -> None:
        self._environment = environment
        self._shaping = shaping
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
        observation = self._encoder.encode(question)
        potential = self._environment.potential(question, self._shaping)
        self._recorder.before_step(observation.state, potential)
        policy = self._recorder.policy or await self._weights()
        draw = self._random.random()
        with self._metrics.waiting("inference"):
            choice = await self._inference.choose(policy, observation, draw=draw)
        self._recorder.add(policy, observation, choice)
        return choice.position

    def finish(self, reward: float | None) -> None:
        """Give the segment its outcome, or forget it."""
        if reward is None:
            self._recorder.abandon()
        else:
            self._recorder.finish(reward)
