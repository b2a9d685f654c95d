"""The verbs about runs that exist, the same for a cluster and for this machine.

Belongs here: which place is meant, and the format of answers. Does not belong here: how a place is
read (``trainingrun.sdk``).
"""
