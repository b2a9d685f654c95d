"""The questions and answers of one connection, in the one form, whichever server asks.

Belongs here: what needs typed decisions, and what came before: translation ends with the first line
of our own daemon (``reader``), and the original's engine does not get every answer (``blocks``,
``loops``; protocol section 8). Not here: what lines mean (``dialects``), and whose turn it is to
speak (``client``).
"""
