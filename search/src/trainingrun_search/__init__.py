"""Search: Monte Carlo tree search and self-play for games that can be forked (AlphaZero).

Border: numpy and numba, no torch, no Redis, no clock and no environment. What a network says comes
through ``evaluators.Evaluator``; finished games leave as values (``records``). All chance comes
from seeds, so a search repeats.

The tree lives in arrays (``tree``) and what is hot is compiled (``growth``, ``rules``);
``reference`` is the same search in plain Python, and the tests hold the one against the other.
"""
