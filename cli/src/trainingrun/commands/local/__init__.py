"""``trainingrun local``: the control loop over processes of this machine, and its live table.

Belongs here: tying loop, backend and store together for one run, what a person sees meanwhile, and
the report at the end. The decisions are the same as on a cluster, because it is the same loop.
"""
