"""Hex: eleven by eleven cells; each player connects two opposite sides."""
