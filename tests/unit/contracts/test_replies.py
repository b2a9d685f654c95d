"""The guard before the parser: whatever the chunks, a reply above its bound is refused early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from trainingrun_contracts.replies import Bound, ReplyGuard, ReplyRefused

BOUND = Bound(size=4096, elements=16)
HOSTILE = (
    b"$1000000000\r\n",
    b"*1000000000\r\n",
    b"*10\r\n*10\r\n",
    b"%1000000000\r\n",
    b"~1000000000\r\n",
    b"=1000000000\r\n",
    b"SSH-2.0-OpenSSH_9.6\r\n",
    b"$" + b"9" * 5000 + b"\r\n",
    b"+" + b"x" * 5000 + b"\r\n",
    b"*1\r\n" * 20,
)
HONEST = (
    b"+OK\r\n",
    b"-ERR no\r\n",
    b":12\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"$19\r\n*1000000000\r\n$99999\r\n",
    b"*3\r\n$3\r\na\r\n\r\n*2\r\n:1\r\n$0\r\n\r\n+x\r\n",
)


def follow(guard: ReplyGuard, reply: bytes, sizes: list[int]) -> None:
    """Give the guard a reply in chunks, the last size for all of the rest."""
    at = 0
    for size in sizes:
        guard.admit(reply[at : at + size], len(reply[at : at + size]))
        at += size
    guard.admit(reply[at:], len(reply[at:]))


SIZES = st.lists(st.integers(1, 9), max_size=8)


@given(st.sampled_from(HOSTILE), SIZES)
def test_a_reply_above_its_bound_is_refused_at_its_header(reply: bytes, sizes: list[int]) -> None:
    """Also one that says so deep inside, or that is no reply of RESP2."""
    with pytest.raises(ReplyRefused):
        follow(ReplyGuard(BOUND), reply, sizes)


@given(st.lists(st.tuples(st.sampled_from(HONEST), SIZES), max_size=300))
def test_honest_replies_pass(replies: list[tuple[bytes, list[int]]]) -> None:
    """However many, as each has the whole bound; and what looks like headers inside strings."""
    guard = ReplyGuard(BOUND)
    for reply, sizes in replies:
        follow(guard, reply, sizes)
        guard.completed()
