"""The actor: plays self-play games against the daemons and fills the rollout queue; in its other
role it evaluates.

One transition's way: ``game`` (decode) → ``seats`` (question, observation) → ``inference``
(``policy``) → ``recorder`` (segment) → ``sink`` (``spool``, Redis). ``arena`` finds a daemon with a
free slot, ``fleet`` plays many games at once, ``evaluate`` plays frozen weights against scripted
opponents.

BLAS gets one thread, here and before anything imports numpy: the products are tiny, and a process
plays many games on one core. Variables that are set already keep their values.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
