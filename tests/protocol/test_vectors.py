"""Recorded lines and answers: what both sides must agree on, in files for any client to use."""

import json
from pathlib import Path
from typing import Any

import pytest
from trainingrun_protocol import answers
from trainingrun_protocol.lines import GameResult, parse_line

VECTORS = Path(__file__).parent / "vectors"


def _load(name: str) -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((VECTORS / name).read_text())
    return loaded


@pytest.mark.parametrize("vector", _load("server_lines.json"), ids=lambda vector: vector["line"])
def test_server_lines(vector: dict[str, Any]) -> None:
    """Each recorded line is what the file says."""
    line = parse_line(vector["line"].encode())
    assert type(line).__name__ == vector["kind"]
    if isinstance(line, GameResult):
        assert (line.winner, line.milliseconds) == (vector["winner"], vector["milliseconds"])


def _read_answer(vector: dict[str, Any]) -> object:
    text, count = vector["answer"], vector.get("options", 0)
    limits = {name: vector[name] for name in ("minimum", "maximum") if name in vector}
    match vector["decision"]:
        case "choose_action":
            return answers.parse_index(text, count=count, default=answers.PASS)
        case "choose_entity":
            default = answers.PASS if vector.get("optional") else 0
            return answers.parse_index(text, count=count, default=default)
        case "declare_attackers":
            return answers.parse_indices(text, count=count)
        case "declare_blockers":
            return answers.parse_blocks(text, blockers=count, attackers=vector["others"])
        case "choose_cards":
            return answers.parse_chosen_cards(text, count=count, **limits)
        case "announce_value":
            return answers.parse_value(text, **limits)
        case _:
            return answers.parse_confirm(text)


@pytest.mark.parametrize(
    "vector",
    _load("answers.json"),
    ids=lambda vector: f"{vector['decision']}={vector['answer']!r}",
)
def test_answers(vector: dict[str, Any]) -> None:
    """Each recorded answer means what the file says."""
    assert json.loads(json.dumps(_read_answer(vector))) == vector["means"]
