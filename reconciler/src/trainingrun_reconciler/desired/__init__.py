"""What should exist, and what to do next: pure functions over frozen values.

Belongs here: every decision of the product about a run (which workloads, how many daemons, when to
drain, which condition holds and why). Does not belong here: anything that reads a clock, a
cluster, a process table or Redis; ``now``, limits and seeds are arguments. Two backends act on the
answers, so no Kubernetes manifest is known here either.
"""
