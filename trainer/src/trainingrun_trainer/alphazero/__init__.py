"""Training by AlphaZero (Silver et al. 2018): a window of searched positions, steps on it.

``network`` is what is trained and how it is folded for play, ``window`` what it is trained on,
``loss`` and ``schedule`` how, ``update`` all of it together: an ``Updater`` of the learner's frame.
Not here: searches and self-play (``trainingrun_search``), queue and accounts (the frame).
"""
