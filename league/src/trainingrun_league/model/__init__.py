"""The Model service: every model, its stage and its bytes."""
