"""What we decide: values, bounds and verdicts, and what they are worth."""
