"""Questions of many games share forward passes; what fails in one costs those that share it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from trainingrun_actor.inference import Inference
from trainingrun_actor.network_encoders import Float16, Float32, Int64
from trainingrun_actor.policy import Choice, Policy, Request
from trainingrun_contracts.own_parts import PartFault
from trainingrun_contracts.weights_pointer import Pointer
from trainingrun_environments.observation import Observation

Observe = Callable[[int, int], Observation]


@pytest.fixture
def broken(pointer: Pointer) -> Policy:
    """A policy whose network is a user's that fails."""

    def evaluate(_states: Float16, _actions: Float16, _counts: Int64) -> tuple[Float32, Float32]:
        raise PartFault("the network 'mine' failed")

    return Policy(evaluate, pointer)


def test_a_network_that_fails_costs_its_own_questions_alone(
    policy: Policy, broken: Policy, observe: Observe
) -> None:
    """Expect the error in the place of each choice of that network, and choices for the others."""
    passes: list[int] = []

    async def choose() -> list[Choice | PartFault]:
        inference = Inference(lambda decisions, _seconds: passes.append(decisions))
        asked = [Request(each, observe(1, 3), None) for each in (policy, broken, policy, broken)]
        return list(inference.choose_all(asked))

    found = asyncio.run(choose())
    assert [type(each) for each in found] == [Choice, PartFault, Choice, PartFault]
    assert passes == [2, 2]


def test_who_waits_for_a_network_that_fails_is_told(
    policy: Policy, broken: Policy, observe: Observe
) -> None:
    """Expect the error to be raised where that network was asked, and an answer elsewhere."""

    async def choose() -> list[Choice | BaseException]:
        inference = Inference()
        waiting = [
            inference.choose(Request(each, observe(2, 3), 0.5)) for each in (broken, policy, broken)
        ]
        return await asyncio.gather(*waiting, return_exceptions=True)

    found = asyncio.run(asyncio.wait_for(choose(), timeout=60))
    assert [type(each) for each in found] == [PartFault, Choice, PartFault]
