"""The Elo service: raw results and the ratings that are fitted to them."""
