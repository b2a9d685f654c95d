"""The role ``selfplay`` of a run of AlphaZero: searches games against itself and fills the queue.

Belongs here: what an actor's parts and ``trainingrun_search`` need of one another. Not here: the
search, which knows no run, and the parts, which know no search: no other module of this member
imports it, so that actors of PPO need no numba.
"""
