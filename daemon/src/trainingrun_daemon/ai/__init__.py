"""The engine's own player: sound, quick and without memory.

``agent.choose_answer`` answers any choice by looking at the game as it stands. It plays on curve,
burns what it can kill, attacks when the exchange is good and blocks when it must. It does not
search: an AI game must cost milliseconds, because it serves for load tests and baselines.
"""
