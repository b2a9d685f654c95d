"""The command line ``trainingrun``: one module per verb.

Belongs here: reading files and options, showing things to people, exit codes, and the local
runtime (``commands.local``), which ties the control loop to the local backend. Does not belong
here: any decision about a run.

Exit codes: 0 done, 1 a run failed or a bug, 2 the user must change something (one sentence on
stderr), 130 stopped by Ctrl-C.
"""

from trainingrun.commands.app import main

__all__ = ["main"]
