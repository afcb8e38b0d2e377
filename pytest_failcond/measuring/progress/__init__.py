"""Progress while pytest measures: processes note it, and the one with the terminal shows it."""
