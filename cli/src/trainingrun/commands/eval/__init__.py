"""``trainingrun eval``: how strong some weights are, without a training run around them.

``weights`` finds and reads a checkpoint, ``session`` plays on embedded parts (a Redis, daemons and
an evaluator as processes of this machine), ``verb`` reports. Rates and ratings are the evaluator's.
"""
