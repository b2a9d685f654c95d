"""The two places behind ``trainingrun_contracts.client``: a cluster, and this machine.

Belongs here: what programs and the command line do to runs from the outside, as their users do it:
through the API server with the user's own rights, or through the folder of a local run. Does not
belong here: anything that the operator does, and what is shown to people (``cli``).
"""
