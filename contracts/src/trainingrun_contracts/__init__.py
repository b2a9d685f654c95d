"""What two TrainingRun images must agree on: API models, protocol, codecs, keys, formats."""
