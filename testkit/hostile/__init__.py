"""Generated hostile input, and neighbours that must not notice it."""
