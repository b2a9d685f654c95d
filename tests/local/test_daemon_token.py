"""Daemons that ask for a token: a run plays on them, a stranger does not."""

from __future__ import annotations

import stat
from pathlib import Path

from trainingrun_protocol.access import TOKEN_VARIABLE, read_token

from testkit.local.local_run import ENDLESS, LocalRun, local_run, write_run
from testkit.roles.daemon_process import daemons
from testkit.roles.line_client import said_to

TOKEN = "the-token-of-these-daemons"
GAME = b"NEWGAME red_aggro.dck white_weenie.dck -i -q -c 1000000"


def shown_by(run: LocalRun) -> str:
    """All that a run shows: its output, its files, and the command lines of its processes."""
    files = [each for each in run.state.rglob("*") if each.is_file() and each.suffix != ".token"]
    commands = [" ".join(each.cmdline()) for each in run.descendants()]
    written = [each.read_bytes().decode(errors="replace") for each in files]
    return "\n".join([run.said(), *commands, *written])


def test_a_stranger_takes_no_slot_of_a_run(tmp_path: Path) -> None:
    """Expect a run to play on its own daemons, who has its token to play on them, and no one else;
    and the token in one file that only its owner reads."""
    file = write_run(tmp_path / "run.yaml", games=ENDLESS)
    with local_run(tmp_path, file) as run:
        run.wait_for_games(5, seconds=180)
        endpoint = f"127.0.0.1:{(run.state / 'live' / 'daemon-0.port').read_text().strip()}"
        assert said_to(endpoint, GAME).startswith(b"ERROR: this daemon plays for those who have")
        wrong = said_to(endpoint, GAME + b" --token 0123456789abcdef")
        assert wrong.startswith(b"ERROR: the token is not that of this daemon")
        kept = run.state / "daemon.token"
        token = read_token(kept.read_text(), where="the file").text
        assert said_to(endpoint, GAME + f" --token {token}".encode()).startswith(b"GAME_START:")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert token not in shown_by(run)


def test_who_opts_out_lets_everybody_play(tmp_path: Path) -> None:
    """Expect auth: None to do without, also where the environment names a token."""
    daemon = {"auth": "None", "autoscaling": {"minReplicas": 1, "maxReplicas": 1}}
    file = write_run(tmp_path / "run.yaml", games=ENDLESS, daemon=daemon)
    with local_run(tmp_path, file, environment={TOKEN_VARIABLE: TOKEN}) as run:
        run.wait_for_games(5, seconds=180)
        endpoint = f"127.0.0.1:{(run.state / 'live' / 'daemon-0.port').read_text().strip()}"
        assert said_to(endpoint, GAME).startswith(b"GAME_START:")
        assert not (run.state / "daemon.token").exists()


def test_a_run_on_daemons_of_others_with_their_token(tmp_path: Path) -> None:
    """Expect the environment's token to reach them; a wrong one is reported by the run, and not
    what it is."""
    file = write_run(tmp_path / "run.yaml", games=ENDLESS)
    with daemons(tmp_path, 3, token=TOKEN) as (daemon,):
        names = ("--daemons", daemon.endpoint)
        with local_run(tmp_path, file, *names, environment={TOKEN_VARIABLE: TOKEN}) as run:
            run.wait_for_games(5, seconds=180)
        wrong = "another-token-than-theirs"
        with local_run(tmp_path, file, *names, environment={TOKEN_VARIABLE: wrong}) as run:
            told = "a daemon refused a game: the token is not that of this daemon"
            run.wait_until(lambda: told in run.said(), "the refusal is told", seconds=120)
            assert wrong not in shown_by(run)


def test_a_token_that_is_missing_is_told_before_the_run(tmp_path: Path) -> None:
    """Expect exit code 2, the field, and what to set; and the same for what is no token."""
    external = {"endpoints": ["127.0.0.1:1"], "tokenSecretRef": {"name": "theirs"}}
    file = write_run(tmp_path / "run.yaml", games=10, daemon={"external": external})
    with local_run(tmp_path, file, environment={TOKEN_VARIABLE: ""}) as run:
        assert run.finish(seconds=120) == 2
    assert "spec.daemon.external.tokenSecretRef: there are no Secrets on this mach" in run.said()
    with local_run(tmp_path, file, environment={TOKEN_VARIABLE: "short"}) as run:
        assert run.finish(seconds=120) == 2
    assert f"{TOKEN_VARIABLE} holds no token" in run.said()
