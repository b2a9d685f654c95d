"""A real cluster: its programs, and a run on it."""
