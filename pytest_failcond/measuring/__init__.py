"""Measuring: each key once, through the store."""
