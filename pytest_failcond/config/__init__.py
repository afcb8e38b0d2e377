"""``[tool.failcond]``: where it lies, what it says, and what is refused."""
