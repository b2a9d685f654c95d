"""Which addresses the operator connects to when the author of a run names them.

Who may create a TrainingRun makes the operator connect, from its own place in the network, to its
Redis and its external daemons. Networks that hold nothing of the kind may be refused: loopback is
the operator's own pod, link-local has the metadata servers of clouds. A name is resolved first, and
before each connection, as what it stands for may change.
"""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network


class AddressRefused(ConnectionError):
    """The address is in a network that this operator does not connect to."""


@dataclass(frozen=True)
class Reach:
    """``refused`` are networks; none: every address may be connected to."""

    refused: tuple[Network, ...] = ()

    async def check(self, host: str, port: int) -> None:
        """
        Raises:
            AddressRefused: the host is, or resolves to, an address in a refused network.
            OSError: the name is not known.
        """
        if not self.refused:
            return
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        if any(self._refuses(str(each[4][0])) for each in found):
            raise AddressRefused(
                f"{host} is in a network that this operator refuses (--refuse-networks)"
            )

    def _refuses(self, text: str) -> bool:
        address = ip_address(text.partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None) or address
        return any(mapped in network or address in network for network in self.refused)


ANYWHERE: Final = Reach()


def networks(text: str) -> tuple[Network, ...]:
    """The networks in ``A,B``.

    Raises:
        ValueError: one is none.
    """
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
