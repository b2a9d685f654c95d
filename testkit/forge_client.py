"""A scripted client of the Forge daemon over a raw socket, without any code of the product.

It knows as little as a client can: lines that begin with ``DECISION:`` are JSON, and a decision
that is not revealed cards and has no ``ai_choice`` is owed one line.
"""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

Decision = dict[str, Any]
Script = Callable[[Decision], str]


@dataclass
class Transcript:
    """Everything that a server sent on one connection."""

    lines: list[str] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    """In the order of the decisions; empty for those that are owed none."""

    @property
    def log(self) -> list[str]:
        """The lines that are no decisions."""
        return [line for line in self.lines if not line.startswith("DECISION:")]


def play(port: int, command: str, script: Script = lambda _: "") -> Transcript:
    """Send a command, answer every decision by the script, return all until the end."""
    seen = Transcript()
    with socket.create_connection(("127.0.0.1", port), timeout=60) as stream:
        stream.sendall(f"{command}\n".encode())
        for line in read_lines(stream):
            seen.lines.append(line)
            if line.startswith("DECISION:"):
                decision = json.loads(line.removeprefix("DECISION:"))
                seen.decisions.append(decision)
                owed = decision["decision_type"] != "reveal" and "ai_choice" not in decision
                seen.answers.append(script(decision) if owed else "")
                if owed:
                    stream.sendall(f"{seen.answers[-1]}\n".encode())
    return seen


def read_lines(stream: socket.socket) -> Iterator[str]:
    """Give the lines of a connection until the server closes it."""
    rest = b""
    while chunk := stream.recv(65536):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line.decode() for line in whole)
