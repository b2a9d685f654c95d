"""Breakthrough: pawns on eight by eight squares; who reaches the other end first wins."""
