"""What every servicer stands in: health, reflection, tokens, deadlines, limits, errors."""
