"""Checkpoints: what is in one, where it is kept, and which one to resume from.

A checkpoint is a folder of files (or of objects under a prefix) whose manifest is written last and
holds the sha256 of all others: what has no valid manifest is not a checkpoint. Tensors are
safetensors and the manifest is JSON; nothing that is read executes code.

Here: ``manifest`` (the document), ``state`` (learner <-> files), ``store`` and ``s3`` (places),
``archive`` (keep N, newest valid). Not here: when a checkpoint is due (``learner``).
"""
