"""The learner's line to Redis: what it reports of a server that refuses it."""

from __future__ import annotations

from threading import Event

import pytest
import redis
from trainingrun_trainer.link import RedisLink, RedisRefused


def test_a_server_that_repeats_the_password_is_not_quoted() -> None:
    """Expect the refusal without the password, which the last line of a learner would show."""
    link = RedisLink("redis://:s3cret@h:6379/0", stop=Event())

    def refused() -> None:
        raise redis.ResponseError("NOPERM, with args beginning with: 's3cret'")

    with pytest.raises(RedisRefused, match="Redis at h:6379") as caught:
        link.persist(refused, what="starting")
    assert "s3cret" not in str(caught.value)
