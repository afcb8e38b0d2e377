"""Findings, as plain data."""
