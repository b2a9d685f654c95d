"""Commands, lines around a game, decks, threads and time (the original's dialect)."""

import re
import socket
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from testkit.forge_client import play, read_lines
from testkit.forge_server.commands import UsageError, parse_new_game
from testkit.forge_server.faults import REPAIRED, Version

Serve = Callable[..., int]
WriteDeck = Callable[..., Path]
RESULT = re.compile(r"GAME_RESULT: (Draw|.+ won) in \d+ms")
PASSIVE = "NEWGAME test_red.dck test_blue.dck -i -q"


def _connect(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def _open_game(stack: ExitStack, port: int, line: str = PASSIVE) -> socket.socket:
    """Begin a game and wait for its first question, which stays open."""
    stream = stack.enter_context(_connect(port))
    stream.sendall(f"{line}\n".encode())
    assert stream.recv(9) == b"DECISION:"
    return stream


# --- commands


def test_status_is_a_title_and_indented_lines(serve: Serve) -> None:
    """STATUS: title, then indented lines, the last of them `Max concurrent: 10`."""
    port = serve()
    play(port, "NEWGAME test_red.dck test_blue.dck -q")
    lines = play(port, "STATUS").lines
    assert lines[0] == "FORGE DAEMON STATUS"
    assert lines[1:3] == ["  Active games: 0", "  Total games played: 1"]
    assert re.fullmatch(r"  Memory: \d+MB / \d+MB", lines[3])
    assert lines[4:] == ["  Max concurrent: 10"]


def test_games_that_were_refused_count_and_usage_errors_do_not(serve: Serve) -> None:
    """`Total games played`: all that ended, refused ones too."""
    port = serve()
    play(port, "NEWGAME nothing.dck test_blue.dck")
    play(port, "NEWGAME test_red.dck")
    play(port, "NEWGAME test_red.dck test_blue.dck -c soon")
    assert "  Total games played: 1" in play(port, "STATUS").lines


@pytest.mark.parametrize("line", ["HELLO", "status", "NEWGAME test_red.dck", "STATUS now"])
def test_what_is_no_command_is_an_error_and_closed(serve: Serve, line: str) -> None:
    """Unknown command or bad syntax: `ERROR: <text>`, close."""
    (answer,) = play(serve(), line).lines
    assert answer.startswith("ERROR: ")


@pytest.mark.parametrize("flags", ["-c x", "-s 1.5", "-t fast", "-c 99999999999"])
def test_a_bad_number_closes_without_a_word(serve: Serve, flags: str) -> None:
    """A bad number closes without a word."""
    assert play(serve(), f"NEWGAME test_red.dck test_blue.dck {flags}").lines == []


def test_an_empty_connection_is_closed(serve: Serve) -> None:
    """An end of the input before any command ends the connection."""
    with _connect(serve()) as stream:
        stream.shutdown(socket.SHUT_WR)
        assert stream.recv(1) == b""


def test_t_is_known_to_the_newer_versions_and_o_not_to_the_oldest() -> None:
    """`-t`: newest version only; `-o`: not in the oldest."""
    line = "NEWGAME a b -o -t 7 -q"
    assert parse_new_game(line, Version.NEWEST).observe
    assert parse_new_game(line, Version.OLDER).quiet
    assert not parse_new_game(line, Version.OLDEST).observe
    assert parse_new_game("NEWGAME a b -t x", Version.OLDER).limit == 120
    with pytest.raises(ValueError, match="x"):
        parse_new_game("NEWGAME a b -t x", Version.NEWER)


def test_a_flag_without_its_value_is_ignored() -> None:
    """As the last word, `-c` says nothing."""
    assert parse_new_game("NEWGAME a b -c", Version.NEWER).limit == 120


def test_two_decks_are_needed() -> None:
    """Fewer are a usage error."""
    with pytest.raises(UsageError):
        parse_new_game("NEWGAME a", Version.NEWER)


# --- lines


def test_without_q_the_seed_and_the_start_are_told(serve: Serve) -> None:
    """Without `-q`: `SEED: <n>`, `GAME_START: <deck Name> vs <deck Name>`."""
    log = play(serve(), "NEWGAME test_red.dck test_blue.dck -s 5").log
    assert log[:2] == ["SEED: 5", "GAME_START: Test Red vs Test Blue"]
    assert RESULT.fullmatch(log[2])
    assert len(log) == 3


def test_with_q_the_result_is_all(serve: Serve) -> None:
    """With `-q` neither; the first bytes are the result."""
    (line,) = play(serve(), "NEWGAME test_red.dck test_blue.dck -s 5 -q").lines
    assert RESULT.fullmatch(line)
    assert "Ai(" in line or "Draw" in line


def test_without_a_seed_none_is_told(serve: Serve) -> None:
    """`SEED:` needs a `-s`."""
    log = play(serve(), "NEWGAME test_red.dck test_blue.dck").log
    assert log[0] == "GAME_START: Test Red vs Test Blue"


def test_it_closes_after_every_game_also_with_k_and_n(serve: Serve) -> None:
    """`-k -n` are ignored: **it closes after every game**."""
    seen = play(serve(), "NEWGAME test_red.dck test_blue.dck -q -k -n 3 -x")
    assert len(seen.lines) == 1


def test_both_seats_are_asked_also_with_a(serve: Serve) -> None:
    """`-a` is ignored: it asks both seats."""
    seen = play(serve(REPAIRED), f"{PASSIVE} -a 2")
    assert {decision["player"] for decision in seen.decisions} == {
        "Agent(1)-Test Red",
        "Agent(2)-Test Blue",
    }


def test_i_wins_over_o(serve: Serve) -> None:
    """With `-o` too, `-i` wins."""
    assert "ai_choice" not in play(serve(), f"{PASSIVE} -o").decisions[0]


def test_a_decision_has_no_blank_behind_its_prefix(serve: Serve) -> None:
    """`DECISION:` without a blank."""
    lines = play(serve(), PASSIVE).lines
    assert lines[0].startswith("DECISION:{")


def test_texts_are_raw_utf_8_with_five_escapes(serve: Serve, write_deck: WriteDeck) -> None:
    r"""Raw UTF-8, only `\\ \\" \\n \\r \\t` escaped."""
    write_deck("b.dck", 'Käfer "\\\u2028', {"Lim-Dûl's Cohort": 40})
    with _connect(serve()) as stream, stream.makefile("rb") as reader:
        stream.sendall(b"NEWGAME b.dck test_red.dck -i -q\n")
        line = reader.readline()
    assert 'Käfer \\"\\\\'.encode() in line
    assert "Lim-Dûl's Cohort".encode() in line
    assert b"\\u" not in line


def test_a_control_character_makes_a_line_that_is_no_json(
    serve: Serve, write_deck: WriteDeck
) -> None:
    """Nothing else is escaped, so some lines are no JSON."""
    write_deck("b.dck", "Bell\x07Deck", {"Mountain": 40})
    with pytest.raises(ValueError, match="control character"):
        play(serve(), "NEWGAME b.dck b.dck -i -q")


# --- decks


def test_a_name_with_dck_is_a_file_of_a_flat_folder_or_a_path(serve: Serve, folder: Path) -> None:
    """A name that ends in `.dck` is a file in its one flat folder (no subfolders) or a path."""
    port = serve()
    (folder / "below").mkdir()
    (folder / "below" / "deep.dck").write_text("[Main]\n40 Mountain\n", encoding="utf-8")
    path = folder / "below" / "deep.dck"
    assert RESULT.fullmatch(play(port, f"NEWGAME {path} test_red.dck -q").lines[-1])
    assert RESULT.fullmatch(play(port, "NEWGAME boros_aggro.dck test_red.dck -q").lines[-1])
    assert play(port, "NEWGAME deep.dck test_red.dck").lines == [
        "ERROR: Could not load deck: deep.dck"
    ]


def test_any_other_name_is_the_name_in_the_deck(serve: Serve, write_deck: WriteDeck) -> None:
    """Any other name is a deck's `Name=`. Else `ERROR: Could not load deck: …`."""
    write_deck("file.dck", "Name", {"Mountain": 40})
    port = serve()
    assert RESULT.fullmatch(play(port, "NEWGAME Name test_red.dck -q").lines[-1])
    for name in ("file", "test_red"):
        assert play(port, f"NEWGAME test_red.dck {name}").lines == [
            f"ERROR: Could not load deck: {name}"
        ]


def test_unknown_cards_are_left_out_in_silence(serve: Serve, write_deck: WriteDeck) -> None:
    """Unlike ours, it plays a deck without the cards that it does not know."""
    write_deck("b.dck", "B", {"Mountain": 40, "No Such Card": 9})
    (decision, *_) = play(serve(), "NEWGAME b.dck b.dck -i -q").decisions
    player = decision["game_state"]["players"][0]
    assert player["library_size"] + player["hand_size"] == 40


# --- threads and time


def test_the_eleventh_connection_hears_nothing_until_a_thread_is_free(serve: Serve) -> None:
    """**Ten threads, fixed**, serve connections from accept to close; at ten games STATUS is
    silent."""
    port = serve()
    with ExitStack() as stack:
        games = [_open_game(stack, port) for _ in range(10)]
        late = stack.enter_context(_connect(port))
        late.sendall(b"STATUS\n")
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.recv(1)
        games[0].shutdown(socket.SHUT_RDWR)
        late.settimeout(30)
        assert next(read_lines(late)) == "FORGE DAEMON STATUS"


def test_idle_connections_take_threads_too(serve: Serve) -> None:
    """Games, STATUS, idle ones: each holds a thread."""
    port = serve()
    with ExitStack() as stack:
        idle = [stack.enter_context(_connect(port)) for _ in range(10)]
        late = stack.enter_context(_connect(port))
        late.sendall(b"STATUS\n")
        late.settimeout(0.3)
        with pytest.raises(TimeoutError):
            late.recv(1)
        idle[3].close()
        late.settimeout(30)
        assert late.recv(5) == b"FORGE"


def test_a_game_without_a_thread_gets_no_byte_until_its_time_is_up(serve: Serve) -> None:
    """A game without a thread gets no byte while its `-c` runs; then GAME_TIMEOUT without any
    DECISION."""
    port = serve(parallelism=2)
    with ExitStack() as stack:
        for _ in range(2):
            _open_game(stack, port)
        timeout, result = play(port, f"{PASSIVE} -c 1").lines
    assert timeout.startswith("GAME_TIMEOUT: ")
    assert result.startswith("GAME_RESULT: Draw in ")


def test_without_a_pool_every_game_has_a_thread(serve: Serve) -> None:
    """On one core or two, Java starts a thread for each game instead."""
    port = serve(parallelism=1)
    with ExitStack() as stack:
        for _ in range(4):
            _open_game(stack, port)


def test_a_timeout_is_followed_by_a_draw(serve: Serve) -> None:
    """After `GAME_TIMEOUT` comes `GAME_RESULT: Draw in <n>ms`, then the end."""
    with _connect(serve()) as stream:
        stream.sendall(f"{PASSIVE} -c 1\n".encode())
        lines = [line for line in read_lines(stream) if not line.startswith("DECISION:")]
    assert lines[0].startswith("GAME_TIMEOUT: ")
    assert re.fullmatch(r"GAME_RESULT: Draw in 1\d\d\dms", lines[1])
    assert len(lines) == 2


@pytest.mark.parametrize("limit", ["0", "-5"])
def test_no_time_is_a_timeout_at_once(serve: Serve, limit: str) -> None:
    """A limit of nothing ends the game as it begins."""
    with _connect(serve()) as stream:
        stream.sendall(f"{PASSIVE} -c {limit}\n".encode())
        lines = [line for line in read_lines(stream) if not line.startswith("DECISION:")]
    assert lines[0].startswith("GAME_TIMEOUT: ")
    assert lines[1].startswith("GAME_RESULT: Draw in ")


def test_a_client_that_stops_writing_is_a_game_error_and_a_draw(serve: Serve) -> None:
    """A client that leaves is noticed at the next read; after `GAME_ERROR` comes a draw."""
    with _connect(serve()) as stream:
        stream.sendall(f"{PASSIVE}\n".encode())
        stream.shutdown(socket.SHUT_WR)
        lines = [line for line in read_lines(stream) if not line.startswith("DECISION:")]
    assert lines[0].startswith("GAME_ERROR: java.lang.RuntimeException")
    assert lines[1].startswith("GAME_RESULT: Draw in ")


def test_lines_that_were_not_read_turn_the_close_into_a_reset(serve: Serve) -> None:
    """A client's line that was not read turns the close into a reset."""
    with _connect(serve()) as stream:
        stream.sendall(b"NEWGAME test_red.dck test_blue.dck -q\n" + b"0\n" * 20_000)
        with pytest.raises(ConnectionResetError):
            list(read_lines(stream))


def test_games_of_the_ai_do_not_notice_that_the_client_left(serve: Serve) -> None:
    """In games of the AI never."""
    with _connect(serve()) as stream:
        stream.sendall(b"NEWGAME test_red.dck test_blue.dck -q\n")
        stream.shutdown(socket.SHUT_WR)
        (line,) = read_lines(stream)
    assert RESULT.fullmatch(line)


def test_a_seed_repeats_a_game_that_runs_alone(serve: Serve) -> None:
    """A game repeats only when it runs alone."""
    port = serve(REPAIRED)
    first, second, other = (play(port, f"{PASSIVE} -s {seed}").decisions for seed in (11, 11, 12))
    assert first == second
    assert first != other


def test_the_seed_is_one_for_the_process(serve: Serve) -> None:
    """A game without a seed continues with the generator that another game's seed began."""
    port = serve(REPAIRED)

    def play_two() -> list[dict[str, object]]:
        play(port, f"{PASSIVE} -s 11")
        return play(port, PASSIVE).decisions

    assert play_two() == play_two()
    assert play(port, PASSIVE).decisions != play_two()
