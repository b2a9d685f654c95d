"""Training from the league's Replay service, instead of from the queue."""
