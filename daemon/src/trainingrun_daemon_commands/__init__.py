"""The verbs of the card game: ``trainingrun watch`` and ``trainingrun decks``.

They stand beside the engine because they know cards and decisions, which the command line does not.
The command finds them as entry points of the group ``trainingrun.commands`` when one is called.
Does not belong here: anything that the engine's server needs. Its image has no terminal library,
and nothing of ``trainingrun_daemon`` imports this package.
"""
