"""The list of machines: what follows from it, and what is wrong with it; and the rates measured."""

from __future__ import annotations

import json
import math
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from trainingrun.commands.addresses import endpoints_in
from trainingrun.commands.errors import UserError
from trainingrun.commands.machines.inventory import RemoteMachine, read_machines
from trainingrun.commands.machines.measure import MeasuredRate, quantile, sum_of
from trainingrun.commands.machines.script import (
    Reply,
    ScriptError,
    ScriptState,
    answer_from,
    start_script,
    status_script,
)
from trainingrun_protocol.access import TOKEN_VARIABLE, Token

FILE = "machines.yaml"


def machines(folder: Path, text: str) -> tuple[RemoteMachine, ...]:
    """The machines of a file with this text."""
    (folder / FILE).write_text(text)
    return read_machines(folder / FILE)


def refusal(below: Path, *entries: dict[str, Any], **fields: Any) -> list[str]:
    """What is said about a wrong file, line by line, without its folder."""
    with pytest.raises(UserError) as error:
        machines(below, json.dumps({"machines": list(entries), **fields}))
    return [line.removeprefix(f"{below / FILE}: ") for line in str(error.value).splitlines()]


def test_a_short_file(tmp_path: Path) -> None:
    """A host alone is one daemon of the reference engine, at the usual port."""
    (machine,) = machines(tmp_path, "machines:\n- host: box\n")
    (place,) = machine.places
    assert (machine.name, machine.host, machine.user) == ("box", "box", None)
    assert place.endpoint == "box:17171"
    assert place.command == ("trainingrun-daemon", "--host", "0.0.0.0", "--port", "17171")


def test_a_full_file(tmp_path: Path) -> None:
    """Ports go up from the first, clients use the address, and a machine may run another engine."""
    text = """
command: [java, -Xmx2g, -jar, /opt/forge/forge-daemon.jar, daemon, --port, "{port}"]
machines:
- {host: one, user: forge, daemons: 2, address: "fd00::5"}
- {host: one, user: forge, firstPort: 18000, command: [other, "--port={port}"]}
"""
    first, second = machines(tmp_path, text)
    assert first.name == "forge@one"
    assert [place.endpoint for place in first.places] == ["[fd00::5]:17171", "[fd00::5]:17172"]
    assert first.places[1].command[-2:] == ("--port", "17172")
    assert second.places[0].command == ("other", "--port=18000")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            {"host": "-oProxyCommand=x"},
            "machines[0].host: must be the name or address of a machine",
        ),
        ({"host": "a b"}, "machines[0].host: must be the name or address of a machine"),
        ({"host": "a", "user": "x;y"}, "machines[0].user: must be the name of a user"),
        ({"host": "a", "daemon": 2}, "machines[0].daemon: unknown field, did you mean daemons?"),
        ({"host": "a", "daemons": 0}, "machines[0].daemons: 0 is below the minimum of 1"),
        ({"host": "a", "command": []}, "machines[0].command: needs at least 1 entry"),
        (
            {"host": "a", "command": ["x\ny"]},
            "machines[0].command[0]: must be a word without line breaks",
        ),
        (
            {"host": "a", "daemons": 2, "command": ["engine"]},
            "machines[0].command: has no {port}, so all daemons would take one port: add it",
        ),
        (
            {"host": "a", "daemons": 9, "firstPort": 65530},
            "machines[0].daemons: 9 daemons from port 65530 pass port 65535: lower one",
        ),
    ],
)
def test_a_wrong_entry_is_told_with_its_path(
    tmp_path: Path, entry: dict[str, Any], said: str
) -> None:
    """One sentence for what is wrong."""
    assert refusal(tmp_path, entry) == [said]


def test_what_is_wrong_with_the_whole_file(tmp_path: Path) -> None:
    """Doubles, no machines, a folder that the shell would not take for one, another document."""
    double = refusal(tmp_path, {"host": "a", "daemons": 3}, {"host": "a", "firstPort": 17173})
    assert double == ["machines[1]: a:17173 is named before: change firstPort, or join the entries"]
    assert refusal(tmp_path) == ["machines: needs at least 1 entry"]
    assert refusal(tmp_path, {"host": "a"}, folder="~/state") == [
        "folder: must be a folder below the user's home, or an absolute one"
    ]
    with pytest.raises(UserError, match="is no list of machines: expected machines"):
        machines(tmp_path, "- host: a\n")
    with pytest.raises(UserError, match="no such file: give the path of a list of machines with"):
        read_machines(tmp_path / "none.yaml")


def test_a_token_reaches_the_program_in_its_environment() -> None:
    """Whatever its characters are to a shell; in the arguments it does not stand."""
    token = Token("$(id)'\"`x`;*\\~!-end")
    script = start_script("folder", 17171, ("daemon",), token=token)
    before = script.partition("set -- ")[0]
    show = f'printf "%s" "${TOKEN_VARIABLE}"'
    done = subprocess.run(
        ["sh", "-s"],
        input=f"{before}\nsh -c '{show}'\n",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == token.text
    assert script.removeprefix(before) == start_script("folder", 17171, ("daemon",))


def test_words_reach_a_shell_as_they_are() -> None:
    """The script's first line, read by a real sh, gives back every word."""
    words = ("$(id)", "a'b\"c", "; reboot", "`x`", "*", "-n", "\\", "ä ö")
    line = start_script("a folder", 17171, words).partition("\n")[0]
    show = 'for word; do printf "%s\\n" "$word"; done'
    done = subprocess.run(
        ["sh", "-s"], input=f"{line}\n{show}\n", capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines() == ["start", "a folder", "17171", *words]


def test_the_script_is_plain_sh(tmp_path: Path) -> None:
    """Every shell called sh reads it; a folder that is not there means that nothing was started."""
    script = status_script(str(tmp_path / "none"), 17171, lines=5)
    done = subprocess.run(
        ["sh", "-eu", "-s"], input=script, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert answer_from(done.stdout) == Reply(ScriptState.GONE)
    assert shlex.split(script.partition("\n")[0])[2] == "look"


def test_answers_are_found_behind_what_start_up_files_print() -> None:
    """The word, the process, and the log after it; anything else is shown and refused."""
    said = answer_from("Welcome!\nTRAININGRUN died 17\none\ntwo\n")
    assert said == Reply(ScriptState.DIED, 17, "one\ntwo")
    with pytest.raises(ScriptError, match="This account is closed"):
        answer_from("This account is closed.\n")


@pytest.mark.parametrize(
    ("games", "low", "high"), [(1, 0.025, 5.572), (10, 4.795, 18.390), (100, 81.364, 121.627)]
)
def test_intervals_are_near_the_exact_ones(games: int, low: float, high: float) -> None:
    """Exact Poisson bounds of 95 %, from tables; the approximation is within 2 % of the mean."""
    rate = MeasuredRate(games, 2.0)
    assert rate.value == games / 2
    assert abs(rate.low * 2 - low) < 0.02 * games
    assert abs(rate.high * 2 - high) < 0.02 * games
    assert MeasuredRate(0, 1.0).low == 0.0
    assert math.isclose(MeasuredRate(0, 1.0).high, 3.689, rel_tol=0.03)


def test_sums_and_quantiles() -> None:
    """Daemons measured over the same time add up; a quantile is a duration that was seen."""
    total = sum_of([MeasuredRate(10, 5.0), MeasuredRate(30, 5.0)])
    assert total is not None
    assert (total.games, total.value) == (40, 8.0)
    assert sum_of([]) is None
    assert [quantile([3.0, 1.0, 2.0, 4.0], share) for share in (0.5, 0.95, 0.01)] == [2.0, 4.0, 1.0]


def test_lists_of_endpoints() -> None:
    """Spaces and doubles do no harm; anything but host:port is refused."""
    assert endpoints_in(" a:1, [::1]:2,a:1 ,") == ("a:1", "[::1]:2")
    for wrong in ("a", "a:", ":1", "a:99999", "a:1x", ""):
        with pytest.raises(UserError, match=r"--daemons: .*write for example"):
            endpoints_in(wrong)
