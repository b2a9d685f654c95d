"""Turns a TrainingRun into daemons, actors, a learner and a queue: as pods, or as processes."""
