"""Redis servers that lie, and what else than a run's own roles may write into an honest one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from random import Random
from typing import Any, Final

import redis
from trainingrun_contracts.stream.keys import Keys

_PAUSE_SECONDS: Final = 0.5
_NEVER: Final = threading.Event()
_LIES: Final[tuple[bytes | None, ...]] = (
    None,
    b":1\r\n",
    b"$-1\r\n",
    b"*-1\r\n",
    b"+OK\r\n",
    b"$1000000000\r\nx",
    b"*1000000000\r\n:1\r\n",
    b"$99999999999999999999\r\n",
    b"HTTP/1.1 400 Bad Request\r\n\r\n",
    b"-ERR \x1b[2J s3cret\r\n",
    b"-LOADING x\r\n",
    b"-NOAUTH x\r\n",
    b"-MOVED 1 169.254.169.254:80\r\n",
    b"-READONLY x\r\n",
    b"-OOM x\r\n",
    b"*1\r\n" * 5000,
    b"\x00" * 5000,
    b"\xff\xfe",
    b"$3\r\nabcdefgh\r\n",
    b"%1\r\n",
    b"*3\r\n:1\r\n$-1\r\n*0\r\n",
    b"$5000000\r\n" + b"x" * 5_000_000 + b"\r\n",
    b"_\r\n",
    b",nan\r\n",
)
_VALUES: Final = (
    b"",
    b"null",
    b"-1",
    b"NaN",
    b"9" * 400,
    b"[" * 5000,
    b"{}",
    b"\xff\xfe",
    b"run",
    b"9223372036854775807",
    b'{"at":1e308,"role":"actor","member":"\\u001b[2J","reason":"X","message":"m"}',
    b'{"type":"actor","member":"a","at":-1.0}',
    b'{"type":"learner","member":"","at":9e99}',
)
_FAT: Final = 2_000_000
_KEYS: Final = tuple(
    sorted(name for name, each in vars(Keys).items() if isinstance(each, property))
)


class Liar:
    """Answers of a server, another one for each command."""

    def __init__(self, seed: int) -> None:
        self._dice = Random(seed)

    def __call__(self, _command: list[bytes]) -> bytes | Iterator[bytes] | None:
        """A lie, silence, or a reply that comes byte by byte."""
        if self._dice.random() < 0.05:
            return _slowly(b"$100\r\n" + b"x" * 100)
        return self._dice.choice(_LIES)


def _slowly(reply: bytes) -> Iterator[bytes]:
    for at in range(len(reply)):
        yield reply[at : at + 1]
        _NEVER.wait(_PAUSE_SECONDS)


def spoil(client: redis.Redis, run_id: str, dice: Random) -> None:
    """Write something else into one of a run's keys."""
    found: Any = getattr(Keys(run_id), dice.choice(_KEYS))
    if not isinstance(found, str):
        return
    value = b"x" * _FAT if dice.random() < 0.02 else dice.choice(_VALUES)
    if dice.random() < 0.3:
        client.delete(found)
    try:
        match dice.randrange(6):
            case 0:
                client.set(found, value)
            case 1:
                client.hset(found, f"actor/{dice.randrange(30)}", value)
            case 2:
                client.rpush(found, *[value[:1000]] * dice.choice((1, 50)))
                client.ltrim(found, -500, -1)
            case 3:
                client.zadd(found, {value[:1000]: dice.choice((0.0, 1e308, -1e308))})
            case 4:
                client.xadd(found, {b"s": value}, maxlen=20)
            case _:
                client.hset(found, dice.choice(("played", "open", "", "learner/learner-0")), value)
    except redis.ResponseError:  # another type is there: so much the better
        return
