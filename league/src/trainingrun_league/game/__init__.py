"""The Game service: holds games that players play move by move."""
