"""Verbs about game daemons: ``check`` replays the conformance vectors against one (``vectors``), or
plays with an engine of any game (``engine``).
"""
