"""The history of the tables; ``versions`` has a branch for each service (``elo_0001_…``)."""
