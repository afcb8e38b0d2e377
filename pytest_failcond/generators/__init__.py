"""Generators: what the search for corner cases asks of any of them."""
