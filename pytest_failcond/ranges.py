"""Whole numbers of the configuration and the command line, and the ranges that make sense for them.

Imports the standard library only: the options are read in every project.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Whole:
    """The whole numbers from ``least`` to ``most``."""

    least: int
    most: int

    def check(self, value: int) -> int:
        """Return the value.

        Raises:
            ValueError: it is outside the range.
        """
        if not self.least <= value <= self.most:
            raise ValueError(f"{shorten(str(value))}: {self._remedy}")
        return value

    def read(self, text: str) -> int:
        """Read an option's value, for argparse.

        Raises:
            ArgumentTypeError: it is not a whole number, or outside the range.
        """
        plain = text.strip().replace("_", "")
        # Longer ones are outside any range, and Python refuses to read the longest.
        value = int(plain) if re.fullmatch(r"[+-]?[0-9]{1,30}", plain) else None
        if value is None or not self.least <= value <= self.most:
            raise argparse.ArgumentTypeError(f"{shorten(text)!r}: {self._remedy}")
        return value

    @property
    def _remedy(self) -> str:
        return f"give a whole number from {self.least} to {self.most}"


def shorten(text: str, most: int = 40) -> str:
    """Return a text for a message, cut to its beginning if it is too long for a line."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"


SEED = Whole(0, 2**63 - 1)
SAMPLE = Whole(0, 2**63 - 1)
"""Number of a start image in its generator's stream."""
SEEDS = Whole(1, 1_000)
MAX_IMAGES = Whole(1, 10**9)
BATCH_SIZE = Whole(1, 65_536)
HEAD = Whole(0, 1_000)
"""Position of a classifier's output among several."""
THREADS = Whole(1, 1_024)
TOP = Whole(1, 1_000)
SAMPLES = Whole(2, 10_000)
DIMENSIONS = Whole(2, 100_000)
"""Dimensions of the style space that are moved together."""
MIN_N = Whole(1, 10**9)
PARTS = Whole(1, 10_000)
"""Parts of a divided session."""
LEAST_P = 0.8
"""Default of the probability that a judge must give an image's class."""
RESAMPLES = 1_000_000
"""Draws of a self-test, of each kind."""
PER_CLASS = 1_000_000
"""Images that a quality report generates of each class."""
LONGEST_FILE = 200
"""Characters of a file's name that every system accepts."""
LONGEST_NAME = 100
"""Characters of a user's name that test IDs and file names contain."""
