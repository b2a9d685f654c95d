"""Other servers' dialects, translated into the one form that ``decisions`` types.

Purpose: the code behind it (observations, players, tapes) sees the decisions of our own daemon,
whichever server sent them. Which dialect a server speaks follows from what its lines hold: no
server names a version, and an option would be wrong for half of a mixed fleet.

Belongs here: what is known of the ways in which servers differ (protocol sections 5 and 8), on
values alone. Not here: sockets, and whose turn it is to speak (``client``).

* ``key_names``: the camelCase keys of game_state.
* ``table``: the players, their zones, and every card by its id.
* ``game_state``, ``own_fields``: what the original leaves out, derived from what it says.
* ``translation``: all of it, for one line.
* ``reveals``: which reveals are log lines.

Our own daemon writes the keys of both key dialects. A connection whose line has them is read
without any of this.
"""
