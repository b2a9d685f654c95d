"""The reference engine: a real rules subset of Magic behind the Forge daemon protocol."""
