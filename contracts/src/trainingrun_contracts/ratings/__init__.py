"""How strong a policy is, for an evaluator and for a league: pure functions over results.

``bradley_terry`` fits Elo ratings to raw results, ``gate`` decides by a sequential test whether one
player has beaten another, ``pfsp`` weights past selves as opponents. Who plays, and where
results are kept, is not decided here.
"""
