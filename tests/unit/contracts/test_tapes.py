"""Lines of a tape: written and read alike; anything else is refused."""

import pytest
from trainingrun_protocol.decisions import Decision, DecisionType
from trainingrun_protocol.generic import (
    MOST_ACTIONS,
    MOST_MESSAGE,
    GenericAction,
    GenericChoice,
    GenericDecision,
    GenericObservation,
    choice_of,
)
from trainingrun_protocol.tapes import (
    MAX_LINE_BYTES,
    TapeEnd,
    TapeEntry,
    TapeEnvironment,
    TapeError,
    TapeMove,
    TapeStart,
    decode_entry,
    encode_entry,
)

MAGIC = TapeEnvironment("magic", "1", '{"kind":"magic"}')
START = TapeStart(2, "quick", "training", MAGIC, ("a", "b"), ("newest policy", "random"), 3, 12.5)
CHOICE = GenericChoice(seat=2, answer="4", actions={3: "up", 4: "down"}, message="it is\ncold")
OLD = (
    b'{"entry":"start","version":1,"run":"quick","kind":"evaluation","decks":["a","b"],'
    b'"players":["policy","random"],"seed":3,"at":0.0}'
)
"""As releases before version 2 wrote it."""


@pytest.mark.parametrize(
    "entry",
    [
        START,
        TapeMove("0,2", Decision(DecisionType.DECLARE_ATTACKERS, player="Ai(1)-x", turn=3)),
        CHOICE,
        TapeEnd("won", 1, 2.5),
        TapeEnd("timeout", reason="120 s"),
    ],
    ids=["start", "move", "choice", "end", "timeout"],
)
def test_a_line_is_read_as_it_was_written(entry: TapeEntry) -> None:
    """One line each, with nothing lost."""
    line = encode_entry(entry)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_entry(line) == entry


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "no line of a recorded game"),
        (b"\xff", "no line of a recorded game"),
        (b"[" * 5000, "no line of a recorded game"),
        (b'{"entry":"move"}', "no line of a recorded game"),
        (b'{"entry":"other"}', "no line of a recorded game"),
        (encode_entry(START).replace(b'"version":2', b'"version":3'), "of version 3"),
        (OLD, "is of version 1, and only version 2 can be shown"),
        (b'{"entry":"choice","seat":3,"answer":"0","actions":{}}', "no line of a recorded game"),
        (b" " * (MAX_LINE_BYTES + 1), "longer than"),
    ],
    ids=["empty", "bytes", "deep", "fields", "entry", "version", "old", "seat", "long"],
)
def test_another_line_is_refused(line: bytes, words: str) -> None:
    """The error says what is wrong with it."""
    with pytest.raises(TapeError, match=words):
        decode_entry(line)


def decision(*actions: GenericAction, message: str = "") -> GenericDecision:
    """Of seat 1; what it sees is left out of tapes."""
    seen = GenericObservation((1,), "uint8", b"\0")
    return GenericDecision(seat=1, observation=seen, actions=actions, message=message)


def test_a_choice_has_what_people_read() -> None:
    """Descriptions in the order of the decision, the answer, the message; no numbers."""
    asked = decision(GenericAction(7, "left", (0.5,)), GenericAction(2, "right"), message="Well?")
    choice = choice_of(asked, "2")
    expected = GenericChoice(seat=1, answer="2", actions={7: "left", 2: "right"}, message="Well?")
    assert choice == expected
    assert list(choice.actions) == [7, 2]
    assert choice.chosen == 2
    assert b"observation" not in encode_entry(choice)


@pytest.mark.parametrize("answer", ["5", "-1", "", "x", "9" * 5000])
def test_an_answer_that_names_no_action(answer: str) -> None:
    """There is no index in it."""
    assert choice_of(decision(GenericAction(0)), answer).chosen is None


def test_the_longest_choice_is_a_line_of_a_tape() -> None:
    """As many actions as there can be, with texts that JSON makes six times as long."""
    text = "\x1b" * 50_000
    asked = decision(*(GenericAction(n, text) for n in range(MOST_ACTIONS)), message=text)
    line = encode_entry(choice_of(asked, text))
    assert len(line) < MAX_LINE_BYTES
    read = decode_entry(line)
    assert isinstance(read, GenericChoice)
    assert len(read.message) == MOST_MESSAGE
