"""A league's real process, with channels to its services."""
