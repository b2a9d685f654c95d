"""The language of the vectors: what a file says becomes steps, or a sentence with its line."""

import pytest
from trainingrun_protocol.conformance import script
from trainingrun_protocol.conformance.checks import CHECKS
from trainingrun_protocol.conformance.fields import OWN
from trainingrun_protocol.conformance.library import shipped_vectors
from trainingrun_protocol.conformance.script import (
    Pattern,
    ScriptError,
    Vector,
    read_vectors,
)
from trainingrun_protocol.conformance.styles import STYLES
from trainingrun_protocol.decisions import DecisionType

HEAD = "== one  2\nA sentence.\n\n"


def step(text: str) -> script.Action:
    """The only step of a vector."""
    ((vector),) = read_vectors(HEAD + text, source="x.txt")
    (only,) = vector.steps
    return only.action


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("> NEWGAME a b -q", script.Say("", b"NEWGAME a b -q\n")),
        ("A> STATUS", script.Say("A", b"STATUS\n")),
        (r'>> "a\u00ff\r\n"', script.Say("", b"a\xff\r\n")),
        ("< ERROR: ...", script.Hear("", Pattern("ERROR: ..."), skips_log=False, seconds=30)),
        ("B<+ x within 2 s", script.Hear("B", Pattern("x"), skips_log=True, seconds=2)),
        ("closed", script.End("", 5)),
        ("A: closed within 1 s", script.End("A", 1)),
        ("silent for 0.3 s", script.Silence("", 0.3)),
        ("A: reset", script.Leave("A", resets=True)),
        ("leave", script.Leave("", resets=False)),
        ("status Queued games >= 2", script.StatusCheck("Queued games", ">=", 2, 1)),
        ("settles within 9 s", script.Settle(9)),
        ("G: fill", script.Fill("G")),
        ("same one two", script.Same("one", "two")),
    ],
)
def test_each_step_is_read(text: str, action: script.Action) -> None:
    """A line of the file is one frozen value."""
    assert step(text) == action


def test_play_may_take_several_lines() -> None:
    """Indented lines continue with the step; lists may be continued."""
    text = (
        'A: play as one ahead 2 answering garbage\n  reveal with "", "x y"\n'
        "  checking phases, hands\n  checking seats\n  seeing reveal\n"
    )
    assert step(text) == script.Play(
        of="A",
        style="garbage",
        garbage={"reveal": ("", "x y")},
        checks=("phases", "hands", "seats"),
        sees=("reveal",),
        ahead=2,
        is_quiet=False,
        name="one",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("> STATUS", "x.txt:1: expected a line"),
        ("== One  2\nWhy.\n\nclosed", "x.txt:1: expected '== name"),
        ("== one  2\n\nclosed", "x.txt:1: one needs a sentence"),
        ("== one  2\nWhy.\n", "x.txt:1: one needs a sentence"),
        (HEAD + "> A\nlisten", "x.txt:5: unknown step 'listen'"),
        (HEAD + "< /(/", "x.txt:4: "),
        (HEAD + '>> "\N{SNOWMAN}"', "x.txt:4: "),
        (HEAD + "play answering garbage\n  sometimes", "x.txt:4: unknown part"),
        (HEAD + "play answering garbage\n  reveal with 1", "x.txt:4: expected answers"),
    ],
)
def test_a_broken_file_is_refused_with_its_place(text: str, words: str) -> None:
    """The error names the line of the vector."""
    with pytest.raises(ScriptError, match=words.replace("(", r"\(")):
        read_vectors(text, source="x.txt")


@pytest.mark.parametrize(
    ("pattern", "line", "fits"),
    [
        ("abc", "abc", True),
        ("abc", "abcd", False),
        ("ab...", "abcd", True),
        ("/a[0-9]+/", "a12", True),
        ("/a[0-9]+/", "a12b", False),
        ("/", "/", True),
    ],
)
def test_patterns(pattern: str, line: str, *, fits: bool) -> None:
    """Exact, the beginning, or a regex over the whole line."""
    assert Pattern(pattern).fits(line) is fits


def test_names_are_unique_and_files_say_what_they_check() -> None:
    """`--only` finds one vector by its whole name."""
    names = [vector.name for vector in shipped_vectors()]
    assert len(names) > 60
    assert len(set(names)) == len(names)


def test_vectors_use_words_that_exist() -> None:
    """Styles, laws and decision types are looked up while a vector runs: here, before."""
    unknown = {vector.name: unknown_words(vector) for vector in shipped_vectors()}
    assert {name: words for name, words in unknown.items() if words} == {}


def unknown_words(vector: Vector) -> set[str]:
    """What stands in a vector and nowhere else."""
    found: set[str] = set()
    for each in vector.steps:
        if each.proves_support and not vector.is_ours:
            found.add("proves support in a vector of others")
        if isinstance(each.action, script.Play):
            found |= {each.action.style} - {*STYLES, "nothing"}
            found |= set(each.action.checks) - CHECKS.keys()
            found |= {*each.action.sees, *each.action.garbage} - OWN.keys()
    return found


def test_the_table_has_the_eleven_types() -> None:
    """What a server owes and what a client decodes are the same list."""
    assert OWN.keys() == set(DecisionType) - {DecisionType.UNKNOWN}
