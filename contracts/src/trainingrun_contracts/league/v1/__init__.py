"""Generated from the protocol buffers of the league by ``tools.league_code``."""
