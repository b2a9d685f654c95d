"""The league: five services that models of many runs meet in.

``game``, ``matchmaker``, ``model``, ``elo`` and ``replay`` are one service each: its servicer
(thin), its tables, and what it decides (pure). ``process`` starts one of them or all in one
process; ``server`` is what every servicer stands in: health, reflection, tokens, deadlines, errors;
``store`` is the database that all share, each with tables of its own; ``artefacts`` keeps bytes in
a directory or a bucket; ``live`` keeps what can be made again (tickets, games, sessions) in memory
or in Redis; ``web`` shows it all to people.

A service never reads another one's tables: it asks by RPC (``peers``), so that each can run alone.
Does not belong here: who plays (``trainingrun_actor``), what trains (``trainingrun_trainer``), and
the messages (``trainingrun_contracts.league``).
"""
