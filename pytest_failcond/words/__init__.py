"""What can be said, for any medium."""
