"""``trainingrun play``: games against a network, a search or chance, by a person or among two.

``contenders`` says who plays, ``networks`` reads the network of a checkpoint, ``analysis`` is what
a search has found; ``session`` is a person's game and ``matching`` that of two programs.
``options`` has the verb's options, ``verb`` leads from them to a game.
"""
