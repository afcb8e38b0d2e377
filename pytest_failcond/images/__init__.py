"""Image files, and pictures of any mode as levels."""
