"""Connect Four solved: the yardstick of what a search or a network knows of the game.

``solver`` gives the exact value of any position, ``labelled`` the held-out positions with theirs.
"""
