"""Turns a TrainingRun into daemons, actors, a learner and a queue: on a cluster, or as local processes."""
