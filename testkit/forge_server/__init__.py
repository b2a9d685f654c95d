"""A stand-in of the original Forge daemon: its dialect and its faults, over our own engine.

Tests and actors play whole games against it as they would against the original, without Java and
card data. It follows the behaviour of the original's source and shares nothing with the product's
daemon but the game itself (rules, cards, the AI's choices): lines, JSON, connections, turns with a
priority for each step, and what is asked are made here anew, so that a mistake of ours cannot hide
on both sides.

What it leaves out: exact texts of cards and stack descriptions, priority inside costs, what only
cards do that our engine does not know. The engine also skips questions that have one answer.
"""
