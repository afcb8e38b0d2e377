"""The process: threads, Ctrl-C, calls of the user's code and torch's state around them."""
