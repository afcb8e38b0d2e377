"""Runs: kept, joined, compared and followed."""
