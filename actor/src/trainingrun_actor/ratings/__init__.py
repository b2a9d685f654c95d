"""How strong a policy is: pure functions over results of games, without I/O and without clocks.

``bradley_terry`` fits Elo ratings to raw results. What a league decides by as well stands in
``trainingrun_contracts.ratings``. Who plays, and where results are kept, is not decided here.
"""
