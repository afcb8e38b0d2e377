"""What this process shares: threads, Ctrl-C, the user's code and torch's state around it."""
