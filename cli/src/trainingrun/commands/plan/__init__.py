"""``trainingrun plan``: what a run will take, before it is started.

Belongs here: options, the price file, the run that is measured, tables and JSON. Does not belong
here: any computing (``estimate``).
"""
