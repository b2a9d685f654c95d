"""How strong a policy is: pure functions over results of games, without I/O and without clocks.

``wilson`` gives a win rate its interval, ``bradley_terry`` fits Elo ratings to raw results,
``gate`` decides by a sequential test whether one player has beaten another, ``pfsp`` weights past
selves as opponents. Who plays, and where results are kept, is not decided here.
"""
