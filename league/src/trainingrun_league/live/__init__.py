"""What can be made again: tickets, games, sessions; in memory or in Redis."""
