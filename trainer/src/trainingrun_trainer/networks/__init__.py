"""Policies as torch modules. Their tensors' names and shapes are laid down in the contracts."""
