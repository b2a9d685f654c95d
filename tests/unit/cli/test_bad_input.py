"""Bad input of `trainingrun local`: a sentence with what, where, what to do; exit code 2."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from trainingrun.commands.app import app
from trainingrun.commands.deck_folders import check_decks
from trainingrun.commands.document import read_run
from trainingrun.commands.errors import UserError
from typer.main import get_command

from testkit.operator.pod_templates import asked_of

Document = dict[str, Any]


def spec(**fields: Any) -> Callable[[Document], None]:
    """A change that sets fields of the spec."""
    return lambda document: document["spec"].update(fields)


FORGE = asked_of("daemon", image="example/forge:1")
FIELDS = {
    "unknown field": (
        spec(gamez=3),
        "run.yaml: spec.gamez: unknown field, did you mean games?",
    ),
    "wrong type": (
        spec(games="many"),
        'run.yaml: spec.games: must be a whole number, not "many"',
    ),
    "minimum above maximum": (
        spec(daemon={"autoscaling": {"minReplicas": 5, "maxReplicas": 2}}),
        "run.yaml: spec.daemon.autoscaling.minReplicas: 5 is above maxReplicas 2: lower"
        " minReplicas or raise maxReplicas",
    ),
    "no decks": (
        spec(decks=[]),
        "run.yaml: spec.decks: Magic is played with decks: name at least one, or another game in"
        " spec.environment",
    ),
    "claim": (
        spec(checkpoint={"storage": {"persistentVolumeClaim": {"claimName": "mine"}}}),
        "spec.checkpoint.storage.persistentVolumeClaim: claim mine is one of a cluster: on this"
        " machine give directory or s3, or leave storage out",
    ),
    "storage that cannot be written": (
        spec(checkpoint={"storage": {"directory": {"path": "/dev/null/x"}}}),
        "spec.checkpoint.storage.directory: /dev/null/x cannot be written (Not a directory): give a"
        " directory that can",
    ),
    "secret": (
        spec(redis={"urlSecretRef": {"name": "redis"}}),
        "spec.redis.urlSecretRef: there are no Secrets on this machine: set TRAININGRUN_REDIS_URL"
        " to the address of the Redis",
    ),
    "a Forge build": (
        spec(daemon={"template": FORGE, "jvm": {}}),
        "spec.daemon.jvm: is for a Forge build: give its folder with --forge, or remove jvm to"
        " play against the reference engine",
    ),
    "a Forge build without an image": (
        spec(daemon={"jvm": {}}),
        "run.yaml: spec.daemon.template: jvm is for a daemon that is a Forge build, and no image"
        " with one is named: build one and name it as the image of container daemon, or remove jvm",
    ),
    "an option of java with a space": (
        spec(daemon={"template": FORGE, "jvm": {"extraOptions": ["-Xss1m -jar x"]}}),
        "run.yaml: spec.daemon.jvm.extraOptions[0]: must be an option of java such as -Xss512k,"
        ' without spaces and quotes, not "-Xss1m -jar x"',
    ),
    "suspended": (
        spec(suspend=True),
        "spec.suspend is true, so nothing would run: set it to false",
    ),
}


@pytest.mark.parametrize("name", FIELDS)
def test_field(shell: Any, name: str) -> None:
    """Expect the field's path and what to write instead."""
    change, sentence = FIELDS[name]
    answer = shell.run("local", "-f", shell.write(change))
    assert answer.code == 2
    assert answer.errors == [f"trainingrun: {sentence}"]


def test_all_wrong_fields_are_told(shell: Any) -> None:
    """Expect one line per wrong field."""
    answer = shell.run("validate", "-f", shell.write(spec(games=0, seed="x", turbo=True)))
    assert answer.code == 2
    assert len(answer.errors) == 3


def test_broken_yaml(shell: Any) -> None:
    """Expect the line and the column."""
    (shell.folder / "run.yaml").write_text("spec: [1")
    answer = shell.run("local", "-f", "run.yaml")
    assert answer.code == 2
    assert len(answer.errors) == 1
    assert answer.errors[0].startswith("trainingrun: run.yaml: not valid YAML at line 1, column")


def test_missing_file(shell: Any) -> None:
    """Expect to be asked for a path."""
    answer = shell.run("local", "-f", "nothing.yaml")
    assert answer.code == 2
    assert answer.errors == [
        "trainingrun: nothing.yaml: no such file: give the path of a TrainingRun with -f"
    ]


def test_folder_in_place_of_a_file(shell: Any) -> None:
    """Expect a sentence that it is a directory."""
    answer = shell.run("local", "-f", "decks")
    assert answer.errors == ["trainingrun: decks: cannot be read: Is a directory"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1", "run.yaml: not valid YAML at line 1"),
        (b"a: \xff", "run.yaml: not a text in UTF-8"),
        (b"", "run.yaml: empty"),
        (b"- 1\n", "run.yaml: is no TrainingRun"),
        (b"a: 1\n---\nb: 2\n", "run.yaml: holds 2 documents"),
        (b"a: &a [*a]\n", "run.yaml: an alias contains itself"),
    ],
    ids=["syntax", "encoding", "empty", "list", "two documents", "endless"],
)
def test_not_a_document(tmp_path: Path, content: bytes, words: str) -> None:
    """Expect a sentence about what is wrong with the text, and where."""
    file = tmp_path / "run.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_run(file)
    assert str(caught.value).startswith(f"{tmp_path}/{words}")
    assert "\n" not in str(caught.value)


def test_unknown_deck(shell: Any) -> None:
    """Expect the decks that there are."""
    answer = shell.run("local", "-f", shell.write(spec(decks=[{"name": "wolves"}])))
    assert answer.code == 2
    assert answer.errors == [
        f"trainingrun: spec.decks: no deck wolves in {shell.folder}/decks: choose among bears, or"
        " give --decks"
    ]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe", "is not a text in UTF-8: save it as UTF-8"),
        (b"[Main]\nten Forests\n", "line 2: 'ten Forests' is no line of the form 'count name'"),
        (b"[metadata]\nName=Bears\n", "has no cards: write them below a line [Main]"),
    ],
    ids=["encoding", "form", "empty"],
)
def test_unreadable_deck(tmp_path: Path, content: bytes, words: str) -> None:
    """Expect the deck, its file and what is wrong with it."""
    (tmp_path / "bears.dck").write_bytes(content)
    with pytest.raises(UserError) as caught:
        check_decks(["bears"], tmp_path)
    assert str(caught.value).startswith("spec.decks: deck bears (")
    assert str(caught.value).endswith(words)


def test_deck_that_is_a_folder(shell: Any) -> None:
    """Expect a sentence that it cannot be read."""
    (shell.folder / "decks" / "den.dck").mkdir()
    answer = shell.run("local", "-f", shell.write(spec(decks=[{"name": "den"}])))
    assert answer.code == 2
    assert answer.errors[0].endswith("cannot be read: Is a directory")


def test_redis_unreachable(shell: Any) -> None:
    """Expect the address and what to check."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        change = spec(redis={"url": f"redis://127.0.0.1:{port}/0"})
        answer = shell.run("local", "-f", shell.write(change))
    assert answer.code == 2
    assert answer.errors[0].startswith(
        f"trainingrun: spec.redis.url: Redis at 127.0.0.1:{port} cannot be reached"
    )
    assert answer.errors[0].endswith("check that it runs and its address")


@pytest.mark.parametrize(
    ("verb", "state"),
    [(("status", "x"), "taken"), (("local", "-f", "run.yaml"), "taken/below")],
    ids=["on runs", "local"],
)
def test_file_in_place_of_the_state_folder(shell: Any, verb: tuple[str, ...], state: str) -> None:
    """Expect a sentence with the name of that file, and no advice about a run that is not there."""
    shell.write()
    (shell.folder / "taken").write_text("")
    answer = shell.run(*verb, "--state", state)
    assert answer.code == 2
    assert answer.errors == [
        f"trainingrun: --state {state}: taken is not a folder: give one, such as .trainingrun"
    ]


def test_every_verb_refuses_a_file_as_the_state_folder(tmp_path: Path) -> None:
    """Expect the same of each that has the option, however deep it stands."""
    (tmp_path / "taken").write_text("")
    found = list(state_options(get_command(app)))
    assert len(found) > 15
    for command, option in found:
        with pytest.raises(UserError, match="taken is not a folder"):
            option.process_value(typer.Context(command), str(tmp_path / "taken"))


def state_options(command: Any) -> Iterator[tuple[Any, Any]]:
    """The option of each verb that has it, with its verb."""
    for each in getattr(command, "commands", {}).values():
        yield from state_options(each)
    yield from ((command, each) for each in command.params if "--state" in each.opts)


def test_file_in_place_of_the_report_folder(shell: Any) -> None:
    """Expect to be asked for a folder before anything is started."""
    (shell.folder / "taken").write_text("")
    answer = shell.run("local", "-f", shell.write(), "--report", "taken")
    assert answer.errors == ["trainingrun: --report taken: is a file: give a folder"]


def test_damaged_state(shell: Any) -> None:
    """Expect the file, and how to start over."""
    folder = shell.folder / ".trainingrun" / "small"
    folder.mkdir(parents=True)
    (folder / "status.json").write_text("{")
    answer = shell.run("local", "-f", shell.write())
    assert answer.code == 2
    assert len(answer.errors) == 1
    assert "--fresh" in answer.errors[0]


def test_time_limit(shell: Any) -> None:
    """Expect examples of what can be written."""
    answer = shell.run("local", "-f", shell.write(), "--time-limit=soon")
    assert answer.code == 2
    assert answer.errors == [
        "trainingrun: --time-limit soon: not a duration: use 90s, 15m or 1h30m"
    ]


BOMB = b"a: &a [1,1,1,1,1,1,1,1,1,1]\n" + b"".join(
    f"{after}: &{after} [{','.join([f'*{before}'] * 10)}]\n".encode()
    for before, after in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB, "larger than 1 MiB with its aliases written out"),
        (b"[" * 5_000, "nested too deeply"),
    ],
    ids=["aliases", "depth"],
)
def test_a_small_file_that_grows_is_refused(shell: Any, content: bytes, words: str) -> None:
    """Expect a sentence before anything is made of it, not minutes and memory."""
    (shell.folder / "run.yaml").write_bytes(content)
    answer = shell.run("validate", "-f", "run.yaml")
    assert (answer.code, len(answer.errors)) == (2, 1)
    assert words in answer.errors[0]


def test_a_deck_that_is_not_beside_the_file_is_not_valid(shell: Any) -> None:
    """Expect what `local` would say; and nothing where no folder of decks is near."""
    file = shell.write(lambda document: document["spec"].update(decks=[{"name": "wolves"}]))
    answer = shell.run("validate", "-f", file, "-o", "json")
    assert answer.code == 2
    found = json.loads(answer.out)
    assert not found["valid"]
    assert "no deck wolves" in found["problems"][0]
    (shell.folder / "decks" / "bears.dck").unlink()
    (shell.folder / "decks").rmdir()
    assert shell.run("validate", "-f", file).code == 0


def test_fields_are_overridden(shell: Any) -> None:
    """Expect the path to begin at the spec, the value to be YAML, and no form but this."""
    file = shell.folder / shell.write()
    run = read_run(file, changes=["evaluation.games=40", "spec.games=7", "decks=[{name: wolves}]"])
    assert (run.spec.games, run.spec.evaluation.games) == (7, 40)
    assert [deck.name for deck in run.spec.decks] == ["wolves"]
    for wrong, words in (
        ("games", "not PATH=VALUE"),
        ("games=[", "not valid YAML"),
        ("evaluation.gamez=1", "gamez: unknown field"),
    ):
        with pytest.raises(UserError, match=words):
            read_run(file, changes=[wrong])
