"""Generators: what the search for failures asks of any of them."""
