"""What spells and abilities do: building blocks that card definitions put together.

Each block is a function that takes numbers and gives an Effect, a TargetSpec, a Trigger or a
Static. A block belongs here when more than one card could use it; what only one card does is
written beside that card in ``cards``.

``targeting`` targets · ``removal`` damage and removal · ``pump`` size, keywords, counters ·
``library`` drawing, looking, searching, discarding · ``board`` tokens, zones, tapping · ``life``
life · ``counterspells`` counterspells and ward · ``triggers`` when abilities trigger · ``statics``
continuous effects · ``enters`` how permanents enter · ``alternative_costs`` plot, warp, harmonize ·
``rituals`` mana · ``combinators`` putting effects together.
"""
