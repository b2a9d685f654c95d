"""Reconciles training runs: what should exist, what to do next, and the loop that has it done.

Belongs here: every decision about a run (``desired``), the loop around one decision
(``controller``), the manifests of what a run becomes on a cluster (``manifests``), and the seams
behind which a place is (``backends``, ``store``; ``memory`` is the shipped fake). Does not belong
here: kopf, a Kubernetes client, processes, and anything shown to people. Two hosts drive it: the
operator on a cluster, and the command line's local runtime.
"""
