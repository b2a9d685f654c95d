"""Othello (Reversi): eight by eight squares; enclosed discs change sides, most discs win."""
