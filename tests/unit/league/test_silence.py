"""Connections on which no request comes are ended; others are not."""

from __future__ import annotations

from trainingrun_league.web.silence import MOST_SILENT, SILENT_SECONDS, Silence


class Client:
    """A connection."""

    is_ended = False

    def force_close(self) -> None:
        """See ``Connection``."""
        self.is_ended = True


def test_who_sends_no_request_is_ended_after_a_while() -> None:
    """Expect the one that was heard to stay."""
    silence, heard, silent = Silence(), Client(), Client()
    silence.end_silent([heard, silent], now=0.0)
    silence.hear(heard)
    silence.end_silent([heard, silent], now=SILENT_SECONDS - 0.1)
    assert not silent.is_ended
    silence.end_silent([heard, silent], now=SILENT_SECONDS)
    assert (heard.is_ended, silent.is_ended) == (False, True)


def test_of_too_many_the_oldest_are_ended_at_once() -> None:
    """Expect as many to be left as may be silent, the newest."""
    silence, old, new = Silence(), [Client() for _ in range(3)], [Client() for _ in range(3)]
    many = [Client() for _ in range(MOST_SILENT - 3)]
    silence.end_silent(old, now=0.0)
    silence.end_silent([*old, *many, *new], now=1.0)
    assert all(each.is_ended for each in old)
    assert not any(each.is_ended for each in (*many, *new))
