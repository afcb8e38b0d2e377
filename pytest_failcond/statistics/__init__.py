"""Confidence bounds, and images drawn again. Pure."""
