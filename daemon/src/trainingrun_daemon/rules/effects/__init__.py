"""What spells and abilities do: building blocks that card definitions put together.

Each block is a function that takes numbers and gives an Effect. A block belongs here when more than
one card could use it; what only one card does is written beside that card in ``cards``.
"""
