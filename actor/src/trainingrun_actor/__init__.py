"""Plays self-play games against the daemons, and evaluates policies."""
