"""Decisions: values, bounds and verdicts, and their reliability."""
