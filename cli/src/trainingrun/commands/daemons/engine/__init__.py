"""Check of an engine that sends its own numbers: plays with it over TCP and reports what is wrong.

Needs numpy by ``trainingrun_environments``, so nothing above imports it before it is asked for.
"""
