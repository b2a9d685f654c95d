"""A daemon on a socket, held against the protocol line by line.

Nothing here knows our engine: set FORGE_DAEMON=host:port to hold another daemon against it.
"""

import json
import random
import socket
from collections.abc import Callable
from itertools import pairwise

import pytest
from trainingrun_contracts.protocol.client import ClientConnection
from trainingrun_contracts.protocol.commands import NewGame, Status
from trainingrun_contracts.protocol.decisions import Decision, DecisionType, decode_decision
from trainingrun_contracts.protocol.lines import (
    DecisionLine,
    GameResult,
    ServerLine,
    StatusReply,
    is_terminal,
)

Address = tuple[str, int]
Answer = Callable[[Decision], str]
BEFORE_COMBAT = {"UNTAP", "UPKEEP", "DRAW", "MAIN1"}
COMBAT_STEPS = {"BEGIN", "DECLARE_ATTACKERS", "DECLARE_BLOCKERS", "FIRST_STRIKE_DAMAGE"}
COMBAT = {f"COMBAT_{step}" for step in COMBAT_STEPS | {"DAMAGE", "END"}}
PHASES = BEFORE_COMBAT | COMBAT | {"MAIN2", "END_OF_TURN", "CLEANUP"}
GAME = NewGame(deck1="test_red.dck", deck2="test_blue.dck", interactive=True, quiet=True)


def _exchange(address: Address, command: NewGame | Status, answer: Answer) -> list[ServerLine]:
    """Play one command to the end; gives everything that the daemon said."""
    client = ClientConnection()
    lines: list[ServerLine] = []
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(client.start(command))
        while data := connection.recv(1 << 16):
            for line in client.receive(data):
                lines.append(line)
                if isinstance(line, DecisionLine) and client.owes_answer:
                    connection.sendall(client.answer(answer(decode_decision(line.raw))))
        client.close()
    return lines


def _decisions(lines: list[ServerLine]) -> list[Decision]:
    return [decode_decision(line.raw) for line in lines if isinstance(line, DecisionLine)]


def _aggressive(decision: Decision) -> str:
    """Do the first thing, attack with everything."""
    if decision.decision_type is DecisionType.DECLARE_ATTACKERS:
        return ",".join(str(entry.index) for entry in decision.attackers)
    return "y" if decision.decision_type is DecisionType.CONFIRM_ACTION else "0"


def test_status_is_the_six_counters(address: Address) -> None:
    """STATUS gives one complete reply and then the end."""
    (reply,) = _exchange(address, Status(), _aggressive)
    assert isinstance(reply, StatusReply)
    assert None not in (reply.queued, reply.total, reply.uptime_seconds)


def test_a_quiet_ai_game_is_its_result(address: Address) -> None:
    """The first bytes are the result, and seats are named after their decks."""
    command = NewGame(deck1="test_red.dck", deck2="test_blue.dck", quiet=True)
    (result,) = _exchange(address, command, _aggressive)
    assert isinstance(result, GameResult)
    assert result.winner in {"Ai(1)-Test Red", "Ai(2)-Test Blue", None}


@pytest.mark.parametrize("style", ["aggressive", "passing", "garbage"])
def test_every_decision_keeps_the_rules_of_the_page(address: Address, style: str) -> None:
    """Common fields, positions, phases and the numbering hold for any client."""
    generator = random.Random(4)
    styles: dict[str, Answer] = {
        "aggressive": _aggressive,
        "passing": lambda decision: "-1",
        "garbage": lambda decision: generator.choice(
            ["", "0:None", "999", "y", "0,1", "\N{SNOWMAN}"]
        ),
    }
    lines = _exchange(address, GAME, styles[style])
    assert [is_terminal(line) for line in lines].index(True) == len(lines) - 1
    decisions = _decisions(lines)
    for earlier, later in pairwise(decisions):
        assert later.decision_id == earlier.decision_id + 1
        assert later.turn >= earlier.turn >= 1
    for decision in decisions:
        assert decision.decision_type is not DecisionType.UNKNOWN
        assert decision.seat is not None
        assert decision.phase in PHASES
        assert decision.game_state.phase in PHASES
        assert any(action.index == -1 for action in decision.actions)


def test_both_seats_are_asked(address: Address) -> None:
    """With -i every seat is the client's, and the players' names are the seats'."""
    decisions = _decisions(_exchange(address, GAME, _aggressive))
    assert {decision.player for decision in decisions} == {
        "Agent(1)-Test Red",
        "Agent(2)-Test Blue",
    }


def test_an_accepted_choice_is_executed(address: Address) -> None:
    """A land that was chosen is on the battlefield at the seat's next decision."""
    chosen: dict[str, int] = {}
    played = 0

    def answer(decision: Decision) -> str:
        nonlocal played
        seat = decision.seat
        assert seat is not None
        if (card := chosen.pop(decision.player, None)) is not None:
            assert card in {entry.id for entry in decision.game_state.players[seat].battlefield}
            played += 1
        first = decision.actions[0]
        if decision.decision_type is DecisionType.CHOOSE_ACTION and first.is_land:
            chosen[decision.player] = first.card_id
        return _aggressive(decision)

    _exchange(address, GAME, answer)
    assert played > 3


def test_lines_are_ascii_json_without_empty_ones(address: Address) -> None:
    """Raw bytes: no empty line, no byte above 127, one JSON object behind each DECISION."""
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(b"NEWGAME test_red.dck test_blue.dck -o\r\n")
        with connection.makefile("rb") as stream:
            lines = stream.readlines()
    assert all(line.isascii() and line.strip() and line.endswith(b"\n") for line in lines)
    prefix = b"DECISION:"
    objects = [json.loads(line[len(prefix) :]) for line in lines if line.startswith(prefix)]
    assert objects
    assert all("ai_choice" in decision for decision in objects)


def test_the_same_seed_is_the_same_game(address: Address) -> None:
    """Two games with one seed and the same answers differ in nothing but the time."""
    command = NewGame(deck1="test_red.dck", deck2="test_blue.dck", interactive=True, seed=42)
    first, second = (_exchange(address, command, _aggressive)[:-1] for _ in range(2))
    assert first == second
