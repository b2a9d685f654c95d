"""The verb ``init``: a project of the user's own to begin with.

``project/`` is what it writes, a project that runs as it stands; its name is replaced.
"""
