"""Runs on a Kubernetes cluster: what a workload becomes there, and what is seen of it.

Belongs here: requests to the API server, the manifests of each role, the cache of what exists, and
the store of TrainingRuns. Does not belong here: any decision about a run (``desired``), and the
watch of TrainingRuns (``process``, where kopf is), which feeds the store.

The official client's transport and authentication are used, its generated models are not: what we
write is rendered as plain documents and applied server-side, and of what we read only a few fields
are kept, so that ten thousand pods fit into memory.
"""
