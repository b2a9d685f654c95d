"""When what a game says may be sent: virtual time, real games."""

import pytest
from trainingrun_daemon.decks import Deck, DeckRepository
from trainingrun_daemon.latency import FORGE, GameLatency
from trainingrun_daemon.magic_games import MagicMatch
from trainingrun_daemon.outcome_cache import VARIANTS, OutcomeCache
from trainingrun_daemon.paced_game import Engine, PacedGame, Turn
from trainingrun_daemon.session import Progress
from trainingrun_protocol.commands import NewGame, parse_command
from trainingrun_protocol.lines import GameResult


def command(flags: str) -> NewGame:
    """A command with these flags."""
    parsed = parse_command(f"NEWGAME a b {flags}")
    assert isinstance(parsed, NewGame)
    return parsed


@pytest.fixture(scope="module")
def decks(shelf: DeckRepository) -> tuple[Deck, Deck]:
    """The two decks that every client knows."""
    return shelf.find("test_red.dck"), shelf.find("test_blue.dck")


@pytest.fixture
def shaped() -> Engine:
    """An engine that takes the real one's time."""
    return Engine(latency=FORGE, outcomes=OutcomeCache())


def finish(game: PacedGame, *, now: float) -> tuple[Turn, int]:
    """Play an AI game to its end; gives the last turn and the number of turns."""
    turns = 1
    while (turn := game.resume(None, now=now)).progress is Progress.RUNNING:
        turns += 1
    return turn, turns


def outcome(engine: Engine, decks: tuple[Deck, Deck], *, seed: int) -> tuple[GameResult, int]:
    """Play a quiet AI game; gives its result at its due time and the number of turns played."""
    game = PacedGame(engine, MagicMatch(command("-q"), decks), seed=seed, now=100.0)
    turn, turns = finish(game, now=100.5)
    return game.result(now=turn.due), turns


def test_without_a_profile_nothing_waits(decks: tuple[Deck, Deck]) -> None:
    """Decisions and results are due at once."""
    engine = Engine(outcomes=OutcomeCache())
    asking = PacedGame(engine, MagicMatch(command("-i"), decks), seed=1, now=5.0)
    assert asking.resume(None, now=6.0).due == 6.0
    quiet = PacedGame(engine, MagicMatch(command("-q"), decks), seed=1, now=5.0)
    assert finish(quiet, now=6.0)[0].due == 6.0


def test_an_ai_game_ends_when_the_real_engine_would(
    shaped: Engine, decks: tuple[Deck, Deck]
) -> None:
    """The result is due after the game's length, which is what it says in milliseconds."""
    expected = GameLatency(FORGE, seed=3).game_seconds
    result, _ = outcome(shaped, decks, seed=3)
    assert result.milliseconds == round(1000 * expected)


def test_an_observed_game_streams_and_ends_late(shaped: Engine, decks: tuple[Deck, Deck]) -> None:
    """Decisions come at once, only the last turn waits."""
    game = PacedGame(shaped, MagicMatch(command("-o -q"), decks), seed=3, now=0.0)
    assert game.resume(None, now=0.0).due == 0.0
    assert finish(game, now=0.1)[0].due == GameLatency(FORGE, seed=3).game_seconds


def test_a_prompt_is_due_after_the_answer_before_it(
    shaped: Engine, decks: tuple[Deck, Deck]
) -> None:
    """The first counts from the begin, the next from the answer."""
    latency = GameLatency(FORGE, seed=3)
    game = PacedGame(shaped, MagicMatch(command("-i -q"), decks), seed=3, now=10.0)
    first = game.resume(None, now=10.0)
    assert first.due == 10.0 + latency.next_prompt_seconds()
    game.note_sent(first, now=first.due)
    assert game.resume("", now=20.0).due == 20.0 + latency.next_prompt_seconds()


def test_a_late_prompt_is_made_up_for(shaped: Engine, decks: tuple[Deck, Deck]) -> None:
    """What a timer was late comes off the next wait, but never makes it negative."""
    latency = GameLatency(FORGE, seed=3)
    game = PacedGame(shaped, MagicMatch(command("-i -q"), decks), seed=3, now=10.0)
    first = game.resume(None, now=10.0)
    game.note_sent(first, now=first.due + 0.0001)
    latency.next_prompt_seconds()
    expected = 20.0 + latency.next_prompt_seconds() - 0.0001
    second = game.resume("", now=20.0)
    assert second.due == pytest.approx(expected, abs=1e-9)
    game.note_sent(second, now=second.due + 99)
    assert game.resume("", now=30.0).due >= 30.0


def test_quiet_games_come_round_again(shaped: Engine, decks: tuple[Deck, Deck]) -> None:
    """After one real game of each variant the winner is known without playing; times differ."""
    first = [outcome(shaped, decks, seed=seed)[0] for seed in range(VARIANTS)]
    again = [outcome(shaped, decks, seed=seed + VARIANTS) for seed in range(VARIANTS)]
    assert [result.winner for result, _ in again] == [result.winner for result in first]
    assert {turns for _, turns in again} == {1}
    assert [result.milliseconds for result, _ in again] != [result.milliseconds for result in first]


def test_other_decks_are_other_games(shaped: Engine, decks: tuple[Deck, Deck]) -> None:
    """The cached outcomes of a pair say nothing about the pair in other seats."""
    outcome(shaped, decks, seed=0)
    swapped = (decks[1], decks[0])
    assert shaped.outcomes.recall(decks, 0) is not None
    assert shaped.outcomes.recall(swapped, 0) is None
