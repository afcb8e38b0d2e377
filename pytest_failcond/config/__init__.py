"""``[tool.failcond]``: finding it, reading it, refusing wrong entries."""
