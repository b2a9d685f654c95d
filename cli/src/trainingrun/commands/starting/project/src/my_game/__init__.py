"""A game for trainings."""
