"""Names of actors in the queue: one for each start of a member, and with several shards each lane.

Not here: names of members, which whoever starts them gives (operator).
"""

from __future__ import annotations


def incarnation_of(member: str, suffix: str) -> str:
    """The name of one start of a member; the suffix has no hyphen."""
    return f"{member}-{suffix}"


def lane_of(actor: str, number: int) -> str:
    """The name of an actor in one of several shards."""
    return f"{actor}/{number}"


def member_of(actor: str) -> str:
    """The member that goes, or went, by a name in the queue."""
    return actor.partition("/")[0].rpartition("-")[0]
