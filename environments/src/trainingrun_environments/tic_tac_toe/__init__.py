"""Tic-tac-toe: three marks of one player in a line win."""
