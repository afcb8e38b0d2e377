"""Speed ratios, each measured in one run; see `python -m benchmarks --help`."""
