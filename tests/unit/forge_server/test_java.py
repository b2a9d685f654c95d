"""A ``java`` that starts the stand-in as the original is started."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from testkit.forge_client import play
from testkit.forge_server.java_start import POOL_SIZE, USER_DECKS, parse_java
from testkit.roles.forge_process import forge_daemon, write_java
from testkit.tree import DECKS

OPTIONS = (
    "-Xmx2g",
    "-Djava.awt.headless=true",
    "-Dsentry.dsn=",
    "--add-opens",
    "java.base/java.lang=ALL-UNNAMED",
    "--add-opens=java.desktop/java.beans=ALL-UNNAMED",
)


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A folder of the original as it is unpacked, with a java."""
    (tmp_path / "forge.jar").write_bytes(b"")
    (tmp_path / "res").mkdir()
    write_java(tmp_path, "--repaired")
    return tmp_path


def _run(forge: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [forge / "java", *words], cwd=forge, timeout=60, capture_output=True, check=False
    )


@pytest.fixture
def started(forge: Path) -> Iterator[int]:
    """The port of an original that was started by its whole command line."""
    home = forge / "home"
    decks = home / USER_DECKS
    decks.mkdir(parents=True)
    (decks / "mine.dck").write_text((DECKS / "test_red.dck").read_text(encoding="utf-8"))
    command = [
        *(forge / "java", *OPTIONS, f"-Duser.home={home}", f"-D{POOL_SIZE}=4"),
        *("-jar", "forge.jar", "daemon", "-p", "0", "--port", "1", "--decks", "/nowhere"),
    ]
    with subprocess.Popen(command, cwd=forge, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        yield int(line.partition("port ")[2].partition(",")[0])
        process.kill()


def test_the_options_of_java_are_read_up_to_the_jar() -> None:
    """What follows the jar is the daemon's, of which only `-p` is read."""
    command = parse_java([*OPTIONS, f"-D{POOL_SIZE}=8", "-jar", "a.jar", "daemon", "-Dx=1"])
    assert command.properties == {"java.awt.headless": "true", "sentry.dsn": "", POOL_SIZE: "8"}
    assert command.jar == Path("a.jar")
    assert command.arguments == ("daemon", "-Dx=1")


def test_a_jar_that_is_missing_is_a_failure_of_java(forge: Path) -> None:
    """It ends with status 1, before anything of the original runs."""
    assert _run(forge, "-jar", "other.jar", "daemon").returncode == 1


@pytest.mark.parametrize("words", [(), ("sim",), ("-p", "9")])
def test_another_mode_ends_at_once_with_status_0(forge: Path, words: tuple[str, ...]) -> None:
    """`daemon` is the first word."""
    assert _run(forge, "-jar", "forge.jar", *words).returncode == 0


def test_without_card_data_it_ends_with_status_0(forge: Path) -> None:
    """Card data lies below the working folder."""
    (forge / "res").rmdir()
    ended = _run(forge, "-jar", "forge.jar", "daemon", "-p", "0")
    assert ended.returncode == 0
    assert b"listening" not in ended.stdout


def test_the_users_decks_lie_below_user_home(started: int) -> None:
    """`-Duser.home=DIR`: it follows Java's `user.home`, and not `$HOME`."""
    transcript = play(started, "NEWGAME mine.dck mine.dck -q")
    assert transcript.lines[-1].startswith("GAME_RESULT: ")
    assert play(started, "NEWGAME test_red.dck mine.dck -q").lines[-1].startswith("ERROR: ")


def test_a_daemon_for_programs_under_test() -> None:
    """The same without Java's options, with the decks of the repository."""
    with forge_daemon("--fault", "loops") as endpoint:
        port = int(endpoint.rpartition(":")[2])
        assert play(port, "NEWGAME test_red.dck test_blue.dck -q").log[0].startswith("GAME_RESULT")
