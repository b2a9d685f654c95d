"""The rollout queue in Redis: key names, appending, reading with acknowledgement, and the ledger.

Belongs here: everything that two roles must do to Redis in the same way. Does not belong here:
when an actor pauses (actor), what the learner does with a segment (trainer), supervision of the
Redis server itself (operator).

Functions that take a ``pipe`` only queue commands, so that blocking and asyncio clients share them.
"""
