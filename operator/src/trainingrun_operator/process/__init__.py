"""The operator's process: kopf around the control loop.

Belongs here: the command line, the watch of TrainingRuns by kopf, the start and the end of all
parts in their order, probes and metrics over HTTP. Does not belong here: any decision, and any
request about a run.

kopf is the watch engine and the frame of the process; its handlers only put keys into the work
queue. Not used, with reasons: change-detecting handlers (they annotate every object), timers and
daemons (finalizers), finalizers (deletion would hang while the operator is down), indices (slow to
start), peering (not a lock), admission webhooks (an operator that is down would block the cluster),
events made of log lines.
"""
