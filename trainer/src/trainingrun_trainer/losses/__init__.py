"""Loss functions as pure functions of tensors: no networks, no optimiser, no settings objects."""
