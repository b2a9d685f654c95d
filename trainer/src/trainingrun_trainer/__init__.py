"""The learner: rollouts in, versioned weights and checkpoints out."""
