"""Environments: all that knows a game. What the operator, the queue and the learner do not know.

``seam`` says what an environment is to an actor, ``registry`` finds the one that a run names.
``magic`` is Magic by a Forge daemon; ``generic`` serves every engine that sends its own numbers.
"""
