"""Progress while pytest measures: each process notes it, and the one with the terminal shows it."""
