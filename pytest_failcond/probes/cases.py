"""Names of single images, made of small integers: the values that Hypothesis strategies draw."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """Names a start image moved along one direction.

    Attributes:
        class_index: its class.
        rank: rank of the direction, from 1.
        steps: shift along it, in steps of 0.5 σ.
        seed: number of the start image.
    """

    class_index: int
    rank: int
    steps: int
    seed: int


@dataclass(frozen=True)
class Combination:
    """Names a start image moved along several dimensions at once.

    Attributes:
        class_index: its class.
        moves: rank of each dimension in its class's ranking, from 1, and the shift along it in steps of
            0.5 σ: over 0 the way that loses the class, under 0 the other way.
        seed: number of the start image.
    """

    class_index: int
    moves: tuple[tuple[int, int], ...]
    seed: int


@dataclass(frozen=True)
class Corrupted:
    """Names a test image under a corruption.

    Attributes:
        corruption: its name.
        severity: 1 to 5.
        index: of the image in the user's set.
    """

    corruption: str
    severity: int
    index: int
