"""The database: SQLite in a file, or PostgreSQL, with the same tables and migrations.

``base`` is what tables are declared on; each service declares its own (``elo.tables`` …) and brings
its migrations as a branch of its own in ``migrations/versions``, so that none waits for another's.
"""
