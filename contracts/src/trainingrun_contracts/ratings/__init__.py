"""How strong a policy is, for an evaluator and for a league: pure functions over results.

``gate`` decides by a sequential test whether one player has beaten another, ``pfsp`` weights past
selves as opponents. Who plays, and where results are kept, is not decided here.
"""
