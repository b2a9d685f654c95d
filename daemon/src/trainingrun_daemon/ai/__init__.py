"""The engine's own player: sound, quick and without memory.

``agent.choose_answer`` answers any choice from the state of the game. It plays on curve,
spends removal on the best threat, attacks by the simulated combat and blocks to win or to
live. It does not search the game: an AI game must cost milliseconds, because it serves for load
tests and baselines; its horizon is one attack with its blocks and the strike back.

Belongs here: judgement, as functions over the state that change nothing. Does not: what is legal
(``rules``) and what a single card does (``cards``); the AI knows cards by what they declare
(purposes, uses, text), never by name.

Modules, lowest first: reading, appraisal, costs, exchange, situation, blocks, attacks, aims,
spells, abilities, lands, actions, picks, agent.
"""
