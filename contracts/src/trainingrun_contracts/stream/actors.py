"""Names of actors in the queue: one for each start of a member and, with several, each shard.

Not here: names of members, which the operator gives.
"""

from __future__ import annotations


def incarnation_of(member: str, suffix: str) -> str:
    """Return the name of one start of a member; the suffix has no hyphen."""
    return f"{member}-{suffix}"


def actor_in_shard(actor: str, number: int) -> str:
    """Return the name of an actor in one of several shards."""
    return f"{actor}/{number}"


def member_of(actor: str) -> str:
    """Return the member that goes, or went, by a name in the queue."""
    return actor.partition("/")[0].rpartition("-")[0]
