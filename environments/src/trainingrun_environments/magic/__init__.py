"""Observation encoding: a decision as questions with explicit options, and these as arrays.

Belongs here: what both the actor (which acts) and the learner (which trains) mean by a state vector
and an action row, and how a decision becomes questions and their answers an answer line. Does not
belong here: networks, sampling, sockets. Pure; nothing here keeps anything but bounded caches.

    decision ──answering──► question ──encoder──► observation ──(policy)──► position ──► answer line

``view`` sorts out the position, ``options`` lists what may be chosen, ``wording`` and ``facts``
read texts and printed cards, ``relations`` and ``rows`` describe options, ``state`` the position.
"""
