"""The Matchmaker service: who plays whom."""
