"""The Replay service: experience to be sampled again."""
