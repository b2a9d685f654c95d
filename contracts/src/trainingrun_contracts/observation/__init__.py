"""Observation encoding: game state and legal options as fixed-width feature vectors."""
