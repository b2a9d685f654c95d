"""Inference servers and their clients: real processes, a real Redis, TCP."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from trainingrun_search.evaluators import Answer, Request

from testkit.roles.inference_bed import InferenceBed, inference_bed, policy_of, request_of
from testkit.servers.redis_server import RedisServer

TOLERANCE = 2e-3
"""Of priors that travel as float16 and of sums in another order."""


@pytest.fixture
def bed(tmp_path: Path, redis_server: RedisServer) -> Iterator[InferenceBed]:
    """A run of Connect Four without weights and servers."""
    with inference_bed(tmp_path, redis_server) as made:
        yield made


def require_equal(answer: Answer, request: Request) -> None:
    """The answer is what the weights of its generation compute in numpy."""
    expected = policy_of(answer.generation).evaluate(request)
    priors = np.where(request.legal, expected.priors, 0)
    np.testing.assert_allclose(answer.values, expected.values, atol=TOLERANCE)
    np.testing.assert_allclose(answer.priors, priors, atol=TOLERANCE)


def test_answers_are_those_of_the_numpy_network(bed: InferenceBed) -> None:
    """Requests of many sizes are answered as numpy answers them, marked with the publication."""
    bed.publish(3)
    bed.start_server()
    bed.wait_for()
    evaluator = bed.evaluator()
    for seed, rows in enumerate((1, 2, 32, 100, 256, 600)):
        request = request_of(seed, rows)
        answer = evaluator.evaluate(request)
        assert answer.generation == 3
        require_equal(answer, request)
