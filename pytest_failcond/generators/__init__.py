"""Generators: the methods that the search for corner cases needs."""
