"""The verbs of leagues: bring one up here, and ask any what it knows.

Belongs here: options, tables and sentences. Does not belong here: how a league is asked
(``trainingrun.sdk.leagues``) and how its processes are started (``trainingrun.local``). gRPC is
imported when a verb runs, so that the help does not wait for it.
"""
