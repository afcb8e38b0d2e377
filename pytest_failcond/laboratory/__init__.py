"""The subjects, put to the test: key by key."""
