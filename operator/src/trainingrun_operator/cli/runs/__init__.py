"""The verbs about runs that exist, the same for a cluster and for this machine.

Belongs here: which place is meant, and how answers look. Does not belong here: how a place is asked
(``trainingrun_operator.client``).
"""
