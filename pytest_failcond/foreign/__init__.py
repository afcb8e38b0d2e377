"""Files of others: read as plain data, and no code of theirs ever runs."""
