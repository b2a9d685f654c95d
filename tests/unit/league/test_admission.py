"""Who is let in, and who finds no room."""

from __future__ import annotations

from trainingrun_league.server.admission import Admission


def test_there_is_an_end_in_all_and_for_one() -> None:
    """Expect three calls, two of ada's, and room again for whoever comes first when one ends."""
    room = Admission(most=3, most_of_one=2)
    assert [room.enter("ada"), room.enter("ada"), room.enter("ada")] == [True, True, False]
    assert room.enter("")
    assert room.is_full
    assert not room.enter("eve")
    room.leave("ada")
    assert room.enter("eve")


def test_who_is_not_counted_may_have_all_room() -> None:
    """Expect the bound of one caller for no call without a name, and nothing kept of who left."""
    room = Admission(most=3, most_of_one=1)
    assert [room.enter("") for _ in range(4)] == [True, True, True, False]
    for _ in range(3):
        room.leave("")
    assert room.enter("ada")
    room.leave("ada")
    assert room == Admission(most=3, most_of_one=1)
