"""Training of judges from labelled images alone, and what they are worth."""
