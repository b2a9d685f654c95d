"""Daemons, actors and learners as real processes around a real Redis."""
