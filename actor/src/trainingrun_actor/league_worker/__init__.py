"""The worker of a league: plays the matches that the Matchmaker leases, tries new models, and sits
at the tables of people.

``python -m trainingrun_actor.league_worker --help`` says how it is started. ``worker`` leases and
reports; ``matches``, ``validation`` and ``table_seats`` do one kind of work each; ``weights``
fetches models, ``roster`` makes players of them. No run, no Redis and no torch: models come from
the Model service, results go to the Matchmaker.

Needs ``trainingrun_search`` (``trainingrun-actor[search]``): all games of a match go forward in
lock step (``trainingrun_search.matches``), searched or not.
"""
