"""The verb of players: ``trainingrun play``.

It stands beside the actor because it searches games and reads networks, which the command line does
not. The command finds it as an entry point of the group ``trainingrun.commands`` when it is called.
Does not belong here: anything that a role needs. Their images have no terminal library, and nothing
of ``trainingrun_actor`` imports this package.
"""
