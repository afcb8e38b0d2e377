"""Texts, for any medium."""
