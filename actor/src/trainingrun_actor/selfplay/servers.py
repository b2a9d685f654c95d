"""Inference servers of the run, as Redis has them, and what asks them in this process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from random import Random
from time import time
from typing import Any, Final

import redis
import redis.asyncio
from trainingrun_contracts.reports import inference_reports_from
from trainingrun_contracts.stream.keys import Keys
from trainingrun_search.evaluators import Answer, Evaluator, Request

from trainingrun_actor.redis_retry import RedisRetry
from trainingrun_actor.selfplay.remote import RemoteEvaluator, Servers, servers_of

_POLL_SECONDS: Final = 1.0

_log = logging.getLogger(__name__)


class Served:
    """Asks servers, and one publication's weights where none answers. The connections are shared by
    all publications.
    """

    def __init__(self, remote: RemoteEvaluator, local: Evaluator) -> None:
        self._remote = remote
        self._local = local

    def evaluate(self, request: Request) -> Answer:
        """See Evaluator."""
        self._remote.use_local(self._local)
        return self._remote.evaluate(request)


async def watch_servers(
    client: redis.asyncio.Redis, keys: Keys, use: Callable[[Servers], None]
) -> None:
    """Say for ever which servers there are, whenever that changes; an outage changes nothing."""
    retry, known = RedisRetry(Random()), Servers()
    while True:
        try:
            async with client.pipeline(transaction=False) as pipe:
                pipe.hgetall(keys.inference_reports)
                pipe.get(keys.inference_token)
                replies: list[Any] = await pipe.execute()
        except (redis.RedisError, OSError) as error:
            await retry.wait(error, _log)
            continue
        retry.succeeded(_log)
        reports, token = replies
        found = servers_of(inference_reports_from(reports, now=time()), token)
        if found != known:
            known = found
            use(found)
        await asyncio.sleep(_POLL_SECONDS)
