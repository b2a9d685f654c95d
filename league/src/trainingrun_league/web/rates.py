"""How often somebody may do something: buckets of tokens, one for each person and each address.

Pure but for its own memory, which is bounded: the buckets that have been full longest are dropped,
as a full bucket is what a newcomer has.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final

_MOST_BUCKETS: Final = 10_000


@dataclass(frozen=True)
class Rate:
    """At most ``burst`` at once, and ``burst`` in ``seconds`` after that."""

    burst: int
    seconds: float


class RateLimit:
    """One limit, for everybody on their own."""

    def __init__(self, rate: Rate) -> None:
        self._rate = rate
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, who: str, *, now: float) -> bool:
        """Take a token; False where there is none."""
        level, at = self._buckets.pop(who, (float(self._rate.burst), now))
        gained = max(0.0, now - at) * self._rate.burst / self._rate.seconds
        level = min(float(self._rate.burst), level + gained)
        is_free = level >= 1.0
        self._buckets[who] = (level - 1.0 if is_free else level, now)
        while len(self._buckets) > _MOST_BUCKETS:
            self._buckets.popitem(last=False)
        return is_free


def network_of(address: str | None) -> str:
    """Return what counts as one place: an IPv4 address, or the /64 network of an IPv6 one."""
    try:
        found = ip_address(address or "")
    except ValueError:
        return "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return found.exploded[:19]
    return str(found)
