"""Every environment whose engine sends its own numbers: DECISION lines with an observation and the
legal actions, checked against the environment's spec.
"""
