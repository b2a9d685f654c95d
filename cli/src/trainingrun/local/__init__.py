"""The local backend: workloads as supervised processes of this machine.

Belongs here: what a kubelet and a StatefulSet would do on a cluster (start, probe, restart with
back-off, end), the folder that a run lives in, and the Redis that comes with it. Does not belong
here: any decision about a run, and anything that a person sees (``commands.local``).
"""
