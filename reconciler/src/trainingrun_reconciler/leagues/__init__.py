"""Leagues and their tournaments on a cluster: what objects they need, and what to report of them.

Belongs here: pure decisions over the resource, its objects and what the league says of itself.
Does not belong here: how it is asked (``operator.kube.leagues``, behind ``seam``), and what the
services do (``trainingrun_league``). A league is no run: nothing here knows roles or phases.
"""
