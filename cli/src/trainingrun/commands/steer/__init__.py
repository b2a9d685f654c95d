"""The verb ``steer``: the control loop for a run whose processes somebody else starts.

Here: reading the run, finding its daemons by name, the loop itself. Not here: decisions and what
the loop is made of, which are the operator's own.
"""
