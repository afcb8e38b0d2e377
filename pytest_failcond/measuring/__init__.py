"""Each key once, through the store."""
