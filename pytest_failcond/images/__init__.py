"""Image files, and their levels, of any mode."""
