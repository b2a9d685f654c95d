"""What a run becomes on a cluster: pure functions from workloads to manifests.

Belongs here: one module for each kind of object, and :mod:`objects`, which says which of them a
role and a run need. Does not belong here: requests, the cache, and whether an object should exist
at all. A manifest is a plain document, because it is written as one and nothing here computes with
it; only the operator writes these fields (server-side apply under its own name).
"""
